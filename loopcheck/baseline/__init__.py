"""The bundled baseline: a complete asyncio event loop that is written to be read.

loopcheck runs its checks against it to show that they can be passed by a loop that is not asyncio's own, and
mutates it to show that they can fail.

====================  ====================================================================================
module                what it answers
====================  ====================================================================================
``flow``              What waits to be sent, and when must the protocol pause?  (no I/O)
``lifetime``          What may happen next in a transport's life?  (no I/O)
``timers``            Which timer is due next?  (no I/O)
``versions``          Where do the Pythons differ?
``contract``          Which private names of ``BaseEventLoop`` are used?  (for the type checker)
``polling``           Which descriptors are ready?
``scheduling``        What is a turn, and what is called in it?
``watchers``          How is a descriptor watched, and the loop woken up?
``signals``           How does a signal become a callback?
``sockops``           How do the ``sock_*`` methods wait?
``serving``           How are connections accepted?
``unix``              What is special about Unix sockets?
``transport``         What do all socket transports share?
``streams``           How does a stream read and write?
``datagrams``         How does a datagram socket?
``pipes``             How does a pipe?
``children``          How is the end of a child noticed?
``childlife``         In which order is a protocol told of its child?  (no I/O)
``processes``         How is a child started?
``engine``            How do bytes become TLS, and TLS bytes?  (no I/O)
``tls``               What goes between a stream and its protocol?
``securetransport``   How does a protocol see that?
``upgrading``         How does a connection change to TLS?
``sendfile``          How does a file go out without being read?
``loop``              The whole, and the contract with ``BaseEventLoop`` that it rests on.
``tasks``             How is a coroutine run?
====================  ====================================================================================
"""

from .loop import SelectorLoop
from .tasks import SelectorLoopWithOwnTasks, Task

__all__ = ["SelectorLoop", "SelectorLoopWithOwnTasks", "Task"]
