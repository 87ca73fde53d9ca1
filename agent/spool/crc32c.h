// SPDX-License-Identifier: MIT
/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), by the processor's instruction where it has one. */
#ifndef SPOOL_CRC32C_H
#define SPOOL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc`, 0 for the first piece: crc32c(crc32c(0, a), b) is that of a and b together. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);
/* The same bit by bit; for processors without the instruction, and to test against. */
uint32_t crc32c_portable(uint32_t crc, const void *data, size_t size);

#endif
