// SPDX-License-Identifier: MIT
/* Reads the header and the program headers only; everything in them is taken as hostile. */
#include "host/elf_check.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/plugin.h>

#include "host/elf_machine.h"

static int truncated(struct weir_error *error)
{
	return weir_fail(error, WEIR_ERR_REFUSED,
			 "the file is cut short; copy it again, or build it again");
}

static int read_all(int fd, void *ret_bytes, size_t size, off_t offset, struct weir_error *error)
{
	ssize_t got = pread(fd, ret_bytes, size, offset);

	if (got < 0)
		return weir_fail(error, WEIR_ERR_IO, "it cannot be read: %s", strerror(errno));
	return (size_t)got == size ? 0 : truncated(error);
}

/* True when size bytes from offset lie in a file of `file_size` bytes. */
static int inside(uint64_t offset, uint64_t size, uint64_t file_size)
{
	return offset <= file_size && size <= file_size - offset;
}

static int check_identity(const elf_header *header, struct weir_error *error)
{
	if (header->e_ident[EI_CLASS] != ELF_CLASS || header->e_ident[EI_DATA] != ELF_BYTE_ORDER ||
	    header->e_machine != ELF_MACHINE)
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"it is built for another machine (ELF machine %u, %s-bit; this agent "
			"is machine %u, %d-bit); build it for this one",
			header->e_machine, header->e_ident[EI_CLASS] == ELFCLASS64 ? "64" : "32",
			ELF_MACHINE, __SIZEOF_POINTER__ * 8);
	if (header->e_type != ET_DYN)
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "it is an ELF file, but no shared object; link it with -shared");
	return 0;
}

static int check_segments(int fd, const elf_header *header, uint64_t size, struct weir_error *error)
{
	elf_segment segment;

	if (header->e_phentsize != sizeof(segment) || header->e_phnum == 0)
		return weir_fail(error, WEIR_ERR_REFUSED,
				 "its ELF header is damaged; copy it again, or build it again");
	if (!inside(header->e_shoff, (uint64_t)header->e_shnum * header->e_shentsize, size))
		return truncated(error);
	for (unsigned i = 0; i < header->e_phnum; i++) {
		uint64_t at = header->e_phoff + (uint64_t)i * sizeof(segment);
		int result;

		if (!inside(at, sizeof(segment), size))
			return truncated(error);
		result = read_all(fd, &segment, sizeof(segment), (off_t)at, error);
		if (result)
			return result;
		if (segment.p_type != PT_NULL && segment.p_type != PT_GNU_STACK &&
		    !inside(segment.p_offset, segment.p_filesz, size))
			return truncated(error);
	}
	return 0;
}

int elf_check(int fd, struct weir_error *error)
{
	elf_header header;
	struct stat status;
	int result;

	if (fstat(fd, &status))
		return weir_fail(error, WEIR_ERR_IO, "it cannot be read: %s", strerror(errno));
	memset(&header, 0, sizeof(header));
	if (status.st_size > 0 && pread(fd, &header, SELFMAG, 0) < 0)
		return weir_fail(error, WEIR_ERR_IO, "it cannot be read: %s", strerror(errno));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return weir_fail(
			error, WEIR_ERR_REFUSED,
			"it is not an ELF shared object; take it out of the plugin folder");
	result = read_all(fd, &header, sizeof(header), 0, error);
	if (!result)
		result = check_identity(&header, error);
	if (!result)
		result = check_segments(fd, &header, (uint64_t)status.st_size, error);
	return result;
}
