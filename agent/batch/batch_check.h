// SPDX-License-Identifier: MIT
/*
 * Looks over a batch that a plugin has filled, before anybody follows its numbers: a shape, row, block or
 * source that is not there would be a crash far from the plugin that is to blame.
 */
#ifndef BATCH_BATCH_CHECK_H
#define BATCH_BATCH_CHECK_H

#include <weir/batch.h>

/* 0, or WEIR_ERR_INVALID with a sentence that names the record and what is wrong with it. Reads the
 * batch only. */
int batch_check(const struct weir_batch *batch, struct weir_error *error);

#endif
