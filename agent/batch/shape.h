// SPDX-License-Identifier: MIT
/*
 * Interned shapes: the same keys in the same order are the same pointer, for the process's life.
 *
 * The table is bounded (SHAPE_MAX shapes, SHAPE_KEY_BYTES of keys): logs whose every line has other
 * keys must not grow the agent. Past the bound a shape is made for its batch alone, with id 0.
 * Any thread; readers share a lock, a new shape takes it alone.
 */
#ifndef BATCH_SHAPE_H
#define BATCH_SHAPE_H

#include <weir/value.h>

#define SHAPE_MAX 4096
#define SHAPE_KEY_BYTES (1u << 20)

/* The shape with these keys. *ret_owned is 1 when it must be given to shape_free() (id 0). */
int shape_intern(const struct weir_slice *keys, uint32_t count, const struct weir_shape **ret_shape,
		 int *ret_owned);
int shape_has_keys(const struct weir_shape *shape, const struct weir_slice *keys, uint32_t count);
void shape_free(const struct weir_shape *owned);
/* Frees the whole table; for the end of the process and for tests. */
void shape_table_clear(void);

#endif
