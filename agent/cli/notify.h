// SPDX-License-Identifier: MIT
/*
 * What the service tells the manager that started it: systemd's protocol, a datagram to the socket
 * that $NOTIFY_SOCKET names. Without a manager that asks for it, all of this does nothing.
 */
#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

#include <stdint.h>

/* Assignments such as READY=1, a line each. Best effort: a manager that is gone is none of our
 * troubles. */
void notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* How often, at the least, the manager wants WATCHDOG=1; 0 = not at all. */
uint64_t notify_watchdog_ns(void);

#endif
