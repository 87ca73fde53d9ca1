// SPDX-License-Identifier: MIT
/* How much memory the process holds, whoever in it has asked for it. */
#ifndef BASE_RESIDENT_H
#define BASE_RESIDENT_H

#include <stdint.h>

/* Bytes of the resident set, by the kernel's count; 0 when /proc does not say. A read of a small file: not
 * for hot paths. Any thread. */
uint64_t resident_bytes(void);

#endif
