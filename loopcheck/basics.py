"""The basic checks that others presuppose, by what a loop that passes them does: for ``after=`` and ``AFTER``.

Each is one that fails for few reasons, and without which those others must fail.
"""

from __future__ import annotations

CONNECTS = ("create_connection::returns_pair",)
CLOSES = ("transports::close_ends_connection",)
SERVES = ("create_server::serves_by_default",)
TAKES_ACCEPTED_SOCKETS = ("create_server::accepted_socket_wrap",)
CONNECTS_OVER_TLS = ("create_connection::ssl_hostname_defaults_to_host",)
SERVES_TLS = ("create_server::ssl_serves_tls",)
CONNECTS_TO_UNIX = ("unix_sockets::connection_basic",)
SERVES_UNIX = ("unix_sockets::server_basic",)
UPGRADES_CLIENTS = ("start_tls::client_talks_tls",)
UPGRADES_SERVERS = ("start_tls::server_talks_tls",)
OPENS_DATAGRAM_ENDPOINTS = ("datagram::returns_pair",)
SENDS_FILES = ("sendfile::transport_whole_file",)
SENDS_FILES_BY_SOCKETS = ("sendfile::sock_whole_file",)
RECEIVES_BY_SOCKETS = ("sock_ops::recv_basic",)
RECEIVES_DATAGRAMS_BY_SOCKETS = ("sock_ops::recvfrom_basic",)
READS_PIPES = ("pipes::read_basic",)
WRITES_TO_PIPES = ("pipes::write_basic",)
STARTS_CHILDREN = ("subprocess::callbacks_lifecycle",)
WATCHES_READERS = ("fd_watchers::add_reader_calls_back",)
WATCHES_WRITERS = ("fd_watchers::add_writer_calls_back",)
HANDLES_SIGNALS = ("signals::handler_called_with_args",)
RUNS_IN_EXECUTOR = ("executor::result_and_args",)
