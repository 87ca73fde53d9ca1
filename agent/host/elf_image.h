// SPDX-License-Identifier: MIT
/*
 * A shared object read, not loaded: where its symbols are, what its pointers would be, none of its
 * code run. Addresses are those in the file, as if it were loaded at 0.
 *
 * The bytes are hostile: every access is checked, and what is not in the file is not there. Immutable
 * once it is open.
 */
#ifndef HOST_ELF_IMAGE_H
#define HOST_ELF_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <weir/plugin.h>

struct elf_image;

/* Takes the bytes of a file that has passed elf_check(); they stay the caller's and must outlive it. */
int elf_image_open(const void *bytes, size_t size, struct elf_image **ret_image,
		   struct weir_error *error);
void elf_image_close(struct elf_image *image);

/* The address of a symbol that the file defines; 0 when it does not. */
uint64_t elf_image_symbol(const struct elf_image *image, const char *name);
/* The bytes at an address; NULL when not all of them are in the file. Not aligned for anything. */
const void *elf_image_at(const struct elf_image *image, uint64_t address, uint64_t size);
/* The text at an address; NULL when it is not there or does not end within its segment. */
const char *elf_image_text(const struct elf_image *image, uint64_t address);

/* What a pointer at an address would be once the file is loaded. */
#define ELF_POINTER_NULL 0
#define ELF_POINTER_INSIDE 1    /* ret_target is set */
#define ELF_POINTER_ELSEWHERE 2 /* in another library */
int elf_image_pointer(const struct elf_image *image, uint64_t address, uint64_t *ret_target);

/* The libraries that it needs, by index; NULL at the end. */
const char *elf_image_needed(const struct elf_image *image, uint32_t index);
/* Its DT_SONAME; NULL when it has none. */
const char *elf_image_soname(const struct elf_image *image);

#endif
