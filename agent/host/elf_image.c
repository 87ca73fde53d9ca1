// SPDX-License-Identifier: MIT
/*
 * Reads what the dynamic linker would read: the program headers, the dynamic section, the hash of
 * symbols, the relocations. Section headers may be stripped and are not looked at.
 *
 * Pointers in a shared object are filled in when it is loaded. Where a relocation names the place, its
 * addend or its symbol says what; otherwise (compact relative relocations among them) the value in
 * the file is the one.
 */
#include "host/elf_image.h"

#include <stdlib.h>
#include <string.h>

#include "host/elf_machine.h"

#define NAME_HASH_SEED 5381 /* of DT_GNU_HASH */

/* A relocation of a whole pointer. */
struct relocation {
	uint64_t address;
	uint32_t type, symbol;
	uint64_t addend;
	int addend_inside; /* it is what the place holds */
};

/* Tables of the dynamic section: address and size in bytes; 0 where there is none. */
struct table {
	uint64_t address, size;
};

struct elf_image {
	const uint8_t *bytes;
	size_t size;
	elf_header header;
	struct table dynamic, rela, rel;
	uint64_t symbols, texts, texts_size, hash, gnu_hash;
	struct relocation *relocations; /* by address */
	size_t relocation_count;
};

/* ---- bytes ----------------------------------------------------------------------------------- */

static int copy_from_file(const struct elf_image *image, uint64_t offset, void *ret, size_t size)
{
	if (offset > image->size || size > image->size - offset)
		return WEIR_ERR_INVALID;
	memcpy(ret, image->bytes + offset, size);
	return 0;
}

static int segment_at(const struct elf_image *image, unsigned index, elf_segment *ret_segment)
{
	if (index >= image->header.e_phnum)
		return WEIR_ERR_NOT_FOUND;
	return copy_from_file(image, image->header.e_phoff + (uint64_t)index * sizeof(*ret_segment),
			      ret_segment, sizeof(*ret_segment));
}

/* The bytes from an address to the end of its segment in the file. */
static const uint8_t *rest_at(const struct elf_image *image, uint64_t address, uint64_t *ret_size)
{
	elf_segment segment;

	for (unsigned i = 0; segment_at(image, i, &segment) == 0; i++) {
		uint64_t before = address - segment.p_vaddr;

		if (segment.p_type != PT_LOAD || address < segment.p_vaddr ||
		    before >= segment.p_filesz || segment.p_offset > image->size ||
		    segment.p_filesz > image->size - segment.p_offset)
			continue;
		*ret_size = segment.p_filesz - before;
		return image->bytes + segment.p_offset + before;
	}
	return NULL;
}

const void *elf_image_at(const struct elf_image *image, uint64_t address, uint64_t size)
{
	uint64_t there;
	const uint8_t *bytes = rest_at(image, address, &there);

	return bytes && size <= there ? bytes : NULL;
}

const char *elf_image_text(const struct elf_image *image, uint64_t address)
{
	uint64_t there;
	const uint8_t *bytes = rest_at(image, address, &there);

	return bytes && memchr(bytes, '\0', there) ? (const char *)bytes : NULL;
}

static int copy_at(const struct elf_image *image, uint64_t address, void *ret, size_t size)
{
	const void *bytes = elf_image_at(image, address, size);

	if (!bytes)
		return WEIR_ERR_INVALID;
	memcpy(ret, bytes, size);
	return 0;
}

/* ---- the dynamic section --------------------------------------------------------------------- */

static int dynamic_at(const struct elf_image *image, uint64_t index, elf_dynamic *ret_entry)
{
	uint64_t offset = index * sizeof(*ret_entry);

	if (offset >= image->dynamic.size ||
	    copy_from_file(image, image->dynamic.address + offset, ret_entry, sizeof(*ret_entry)) ||
	    ret_entry->d_tag == DT_NULL)
		return WEIR_ERR_NOT_FOUND;
	return 0;
}

static void read_dynamic(struct elf_image *image)
{
	elf_segment segment;
	elf_dynamic entry;

	for (unsigned i = 0; segment_at(image, i, &segment) == 0; i++)
		if (segment.p_type == PT_DYNAMIC)
			image->dynamic = (struct table){segment.p_offset, segment.p_filesz};
	for (uint64_t i = 0; dynamic_at(image, i, &entry) == 0; i++) {
		const uint64_t value = entry.d_un.d_val;

		switch (entry.d_tag) {
		case DT_SYMTAB:
			image->symbols = value;
			break;
		case DT_STRTAB:
			image->texts = value;
			break;
		case DT_STRSZ:
			image->texts_size = value;
			break;
		case DT_HASH:
			image->hash = value;
			break;
		case DT_GNU_HASH:
			image->gnu_hash = value;
			break;
		case DT_RELA:
			image->rela.address = value;
			break;
		case DT_RELASZ:
			image->rela.size = value;
			break;
		case DT_REL:
			image->rel.address = value;
			break;
		case DT_RELSZ:
			image->rel.size = value;
			break;
		default:
			break;
		}
	}
}

/* A text of the table of texts. */
static const char *text_at(const struct elf_image *image, uint64_t offset)
{
	return offset < image->texts_size ? elf_image_text(image, image->texts + offset) : NULL;
}

/* The text of the index-th entry with that tag, or NULL. */
static const char *dynamic_text(const struct elf_image *image, int64_t tag, uint32_t index)
{
	elf_dynamic entry;

	for (uint64_t i = 0; dynamic_at(image, i, &entry) == 0; i++)
		if (entry.d_tag == tag && index-- == 0)
			return text_at(image, entry.d_un.d_val);
	return NULL;
}

const char *elf_image_needed(const struct elf_image *image, uint32_t index)
{
	return dynamic_text(image, DT_NEEDED, index);
}

const char *elf_image_soname(const struct elf_image *image)
{
	return dynamic_text(image, DT_SONAME, 0);
}

/* ---- symbols --------------------------------------------------------------------------------- */

static int symbol_at(const struct elf_image *image, uint32_t index, elf_symbol *ret_symbol)
{
	return copy_at(image, image->symbols + (uint64_t)index * sizeof(*ret_symbol), ret_symbol,
		       sizeof(*ret_symbol));
}

/* The symbol's address when it has the name and is defined here; 0 otherwise. */
static uint64_t defined_as(const struct elf_image *image, uint32_t index, const char *name)
{
	elf_symbol symbol;
	const char *text;

	if (symbol_at(image, index, &symbol) || symbol.st_shndx == SHN_UNDEF)
		return 0;
	text = text_at(image, symbol.st_name);
	return text && strcmp(text, name) == 0 ? symbol.st_value : 0;
}

static uint32_t name_hash(const char *name)
{
	uint32_t hash = NAME_HASH_SEED;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

/* DT_GNU_HASH: header, a filter of words, buckets, and for each symbol from `first` on its hash,
 * whose lowest bit ends a chain. */
static uint64_t find_by_gnu_hash(const struct elf_image *image, const char *name)
{
	struct {
		uint32_t buckets, first, words, shift;
	} head;
	const uint32_t wanted = name_hash(name);
	uint64_t buckets, chains;
	uint32_t index, hash = 0;

	if (copy_at(image, image->gnu_hash, &head, sizeof(head)) || head.buckets == 0)
		return 0;
	buckets = image->gnu_hash + sizeof(head) + (uint64_t)head.words * sizeof(uintptr_t);
	chains = buckets + (uint64_t)head.buckets * sizeof(uint32_t);
	if (copy_at(image, buckets + wanted % head.buckets * sizeof(uint32_t), &index,
		    sizeof(index)) ||
	    index < head.first)
		return 0;
	for (; !(hash & 1); index++) {
		uint64_t found;

		if (copy_at(image, chains + (uint64_t)(index - head.first) * sizeof(hash), &hash,
			    sizeof(hash)))
			return 0;
		found = (hash | 1) == (wanted | 1) ? defined_as(image, index, name) : 0;
		if (found)
			return found;
	}
	return 0;
}

/* DT_HASH: says how many symbols there are; plugins have few, so all of them are looked at. */
static uint64_t find_by_hash(const struct elf_image *image, const char *name)
{
	struct {
		uint32_t buckets, symbols;
	} head;
	uint64_t found = 0;

	if (copy_at(image, image->hash, &head, sizeof(head)))
		return 0;
	for (uint32_t i = 0; i < head.symbols && !found; i++) {
		if (!elf_image_at(image, image->symbols + (uint64_t)i * sizeof(elf_symbol), 1))
			return 0;
		found = defined_as(image, i, name);
	}
	return found;
}

uint64_t elf_image_symbol(const struct elf_image *image, const char *name)
{
	return image->gnu_hash ? find_by_gnu_hash(image, name)
	       : image->hash   ? find_by_hash(image, name)
			       : 0;
}

/* ---- relocations ----------------------------------------------------------------------------- */

static int by_address(const void *a, const void *b)
{
	const struct relocation *left = a, *right = b;

	return left->address < right->address ? -1 : left->address > right->address;
}

static void add_relocation(struct elf_image *image, struct relocation relocation)
{
	if (relocation.type == ELF_RELATIVE || relocation.type == ELF_ABSOLUTE ||
	    relocation.type == ELF_GLOBAL)
		image->relocations[image->relocation_count++] = relocation;
}

static int read_relocations(struct elf_image *image)
{
	uint64_t with = image->rela.size / sizeof(elf_rela);
	uint64_t without = image->rel.size / sizeof(elf_rel);
	elf_rela rela;
	elf_rel rel;

	/* No more than the file can hold. */
	if (!elf_image_at(image, image->rela.address, image->rela.size))
		with = 0;
	if (!elf_image_at(image, image->rel.address, image->rel.size))
		without = 0;
	image->relocations = calloc(with + without + 1, sizeof(*image->relocations));
	if (!image->relocations)
		return WEIR_ERR_MEMORY;
	for (uint64_t i = 0; i < with; i++)
		if (copy_at(image, image->rela.address + i * sizeof(rela), &rela, sizeof(rela)) ==
		    0)
			add_relocation(image,
				       (struct relocation){rela.r_offset, ELF_TYPE_OF(rela.r_info),
							   ELF_SYMBOL_OF(rela.r_info),
							   (uint64_t)rela.r_addend, 0});
	for (uint64_t i = 0; i < without; i++)
		if (copy_at(image, image->rel.address + i * sizeof(rel), &rel, sizeof(rel)) == 0)
			add_relocation(image,
				       (struct relocation){rel.r_offset, ELF_TYPE_OF(rel.r_info),
							   ELF_SYMBOL_OF(rel.r_info), 0, 1});
	qsort(image->relocations, image->relocation_count, sizeof(*image->relocations), by_address);
	return 0;
}

int elf_image_pointer(const struct elf_image *image, uint64_t address, uint64_t *ret_target)
{
	const struct relocation wanted = {.address = address};
	const struct relocation *found = bsearch(
		&wanted, image->relocations, image->relocation_count, sizeof(wanted), by_address);
	uintptr_t inside = 0;
	elf_symbol symbol = {0};

	(void)copy_at(image, address, &inside, sizeof(inside));
	*ret_target = inside;
	if (found) {
		*ret_target = found->addend_inside ? inside : found->addend;
		if (found->type != ELF_RELATIVE && symbol_at(image, found->symbol, &symbol))
			return ELF_POINTER_NULL;
		if (found->type != ELF_RELATIVE && symbol.st_shndx == SHN_UNDEF)
			return ELF_POINTER_ELSEWHERE;
		*ret_target += symbol.st_value;
	}
	return *ret_target ? ELF_POINTER_INSIDE : ELF_POINTER_NULL;
}

/* ---- opening --------------------------------------------------------------------------------- */

int elf_image_open(const void *bytes, size_t size, struct elf_image **ret_image,
		   struct weir_error *error)
{
	struct elf_image *image = calloc(1, sizeof(*image));
	int result = image ? 0 : WEIR_ERR_MEMORY;

	if (!result) {
		image->bytes = bytes;
		image->size = size;
		result = copy_from_file(image, 0, &image->header, sizeof(image->header));
	}
	if (!result) {
		read_dynamic(image);
		result = read_relocations(image);
	}
	if (result) {
		elf_image_close(image);
		return weir_fail(error, result,
				 result == WEIR_ERR_MEMORY ? "no memory to read the file"
							   : "the file is cut short");
	}
	*ret_image = image;
	return 0;
}

void elf_image_close(struct elf_image *image)
{
	if (!image)
		return;
	free(image->relocations);
	free(image);
}
