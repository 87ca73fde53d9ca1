# SPDX-License-Identifier: MIT
"""What the tests share: the agent as a process, real servers beside it, and readers of what came out.

Everything that is started here is stopped by its process id, also when a test fails.
"""
