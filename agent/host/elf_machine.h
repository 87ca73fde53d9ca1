// SPDX-License-Identifier: MIT
/* The ELF of the machine that the agent is built for: types, and the relocations that give pointers. */
#ifndef HOST_ELF_MACHINE_H
#define HOST_ELF_MACHINE_H

#include <elf.h>

/* EM_* of elf.h; and of the relocation types the one that adds the load address, and the two that put
 * in the address of a symbol. */
#if defined(__x86_64__)
#define ELF_MACHINE EM_X86_64
#define ELF_RELATIVE R_X86_64_RELATIVE
#define ELF_ABSOLUTE R_X86_64_64
#define ELF_GLOBAL R_X86_64_GLOB_DAT
#elif defined(__aarch64__)
#define ELF_MACHINE EM_AARCH64
#define ELF_RELATIVE R_AARCH64_RELATIVE
#define ELF_ABSOLUTE R_AARCH64_ABS64
#define ELF_GLOBAL R_AARCH64_GLOB_DAT
#elif defined(__riscv)
#define ELF_MACHINE EM_RISCV
#define ELF_RELATIVE R_RISCV_RELATIVE
#define ELF_ABSOLUTE (__SIZEOF_POINTER__ == 8 ? R_RISCV_64 : R_RISCV_32)
#define ELF_GLOBAL ELF_ABSOLUTE
#elif defined(__powerpc64__)
#define ELF_MACHINE EM_PPC64
#define ELF_RELATIVE R_PPC64_RELATIVE
#define ELF_ABSOLUTE R_PPC64_ADDR64
#define ELF_GLOBAL R_PPC64_GLOB_DAT
#elif defined(__s390x__)
#define ELF_MACHINE EM_S390
#define ELF_RELATIVE R_390_RELATIVE
#define ELF_ABSOLUTE R_390_64
#define ELF_GLOBAL R_390_GLOB_DAT
#elif defined(__arm__)
#define ELF_MACHINE EM_ARM
#define ELF_RELATIVE R_ARM_RELATIVE
#define ELF_ABSOLUTE R_ARM_ABS32
#define ELF_GLOBAL R_ARM_GLOB_DAT
#elif defined(__i386__)
#define ELF_MACHINE EM_386
#define ELF_RELATIVE R_386_RELATIVE
#define ELF_ABSOLUTE R_386_32
#define ELF_GLOBAL R_386_GLOB_DAT
#else
#error "name this machine's constants of elf.h"
#endif

#if __SIZEOF_POINTER__ == 8
#define ELF_CLASS ELFCLASS64
#define ELF_SYMBOL_OF ELF64_R_SYM
#define ELF_TYPE_OF ELF64_R_TYPE
typedef Elf64_Ehdr elf_header;
typedef Elf64_Phdr elf_segment;
typedef Elf64_Dyn elf_dynamic;
typedef Elf64_Sym elf_symbol;
typedef Elf64_Rela elf_rela;
typedef Elf64_Rel elf_rel;
#else
#define ELF_CLASS ELFCLASS32
#define ELF_SYMBOL_OF ELF32_R_SYM
#define ELF_TYPE_OF ELF32_R_TYPE
typedef Elf32_Ehdr elf_header;
typedef Elf32_Phdr elf_segment;
typedef Elf32_Dyn elf_dynamic;
typedef Elf32_Sym elf_symbol;
typedef Elf32_Rela elf_rela;
typedef Elf32_Rel elf_rel;
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ELF_BYTE_ORDER ELFDATA2LSB
#else
#define ELF_BYTE_ORDER ELFDATA2MSB
#endif

#endif
