// SPDX-License-Identifier: MIT
/*
 * Looks at the ELF header of a file before the dynamic linker does: what dlopen() is given is a
 * whole shared object for this machine. A truncated one would otherwise end the process by SIGBUS.
 */
#ifndef HOST_ELF_CHECK_H
#define HOST_ELF_CHECK_H

#include <weir/abi.h>

/* `fd` is open for reading at any position; the position is left alone. */
int elf_check(int fd, struct weir_error *error);

#endif
