// SPDX-License-Identifier: MIT
#include "spool/spool_slots.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <weir/plugin.h>

#include "spool/crc32c.h"

/* Each slot in a block of its own: no write of the disk touches both. */
#define SLOT_DISTANCE 4096
#define SLOT_MAGIC UINT64_C(0x3153544c53524557) /* "WERSLTS1" */

struct slot {
	uint64_t magic;
	uint64_t generation;
	uint64_t position;
	uint32_t reserved;
	uint32_t crc; /* of all before it */
};

static uint32_t slot_sum(const struct slot *slot)
{
	return crc32c(0, slot, offsetof(struct slot, crc));
}

static void slots_read(struct spool_slots *slots, int fd)
{
	slots->generation = slots->position = 0;
	slots->valid = 0;
	for (int i = 0; i < 2; i++) {
		struct slot slot;

		if (pread(fd, &slot, sizeof(slot), i * SLOT_DISTANCE) != sizeof(slot) ||
		    le64toh(slot.magic) != SLOT_MAGIC || le32toh(slot.crc) != slot_sum(&slot))
			continue;
		slots->valid++;
		if (le64toh(slot.generation) > slots->generation) {
			slots->generation = le64toh(slot.generation);
			slots->position = le64toh(slot.position);
		}
	}
}

int spool_slots_open(struct spool_slots *slots, int folder_fd, struct weir_error *error)
{
	slots->fd = openat(folder_fd, SPOOL_SLOTS_NAME, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (slots->fd < 0)
		return weir_fail(error, WEIR_ERR_IO, "can't open its file \"%s\": %s",
				 SPOOL_SLOTS_NAME, strerror(errno));
	slots_read(slots, slots->fd);
	return 0;
}

int spool_slots_peek(struct spool_slots *slots, int folder_fd, struct weir_error *error)
{
	int fd = openat(folder_fd, SPOOL_SLOTS_NAME, O_RDONLY | O_CLOEXEC);

	*slots = (struct spool_slots){.fd = -1};
	if (fd < 0)
		return weir_fail(error, errno == ENOENT ? WEIR_ERR_NOT_FOUND : WEIR_ERR_IO,
				 "can't open its file \"%s\": %s", SPOOL_SLOTS_NAME,
				 strerror(errno));
	slots_read(slots, fd);
	close(fd);
	return 0;
}

int spool_slots_write(struct spool_slots *slots, uint64_t position, int durable,
		      struct weir_error *error)
{
	uint64_t generation = slots->generation + 1;
	struct slot slot = {.magic = htole64(SLOT_MAGIC),
			    .generation = htole64(generation),
			    .position = htole64(position)};

	slot.crc = htole32(slot_sum(&slot));
	if (pwrite(slots->fd, &slot, sizeof(slot), (off_t)(generation & 1) * SLOT_DISTANCE) !=
		    sizeof(slot) ||
	    (durable && fdatasync(slots->fd) < 0))
		return weir_fail(error, WEIR_ERR_IO, "can't write its file \"%s\": %s",
				 SPOOL_SLOTS_NAME, strerror(errno));
	slots->generation = generation;
	slots->position = position;
	if (slots->valid == 0)
		slots->valid = 1;
	return 0;
}

void spool_slots_close(struct spool_slots *slots)
{
	if (slots->fd >= 0)
		close(slots->fd);
	slots->fd = -1;
}
