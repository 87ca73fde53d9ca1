// SPDX-License-Identifier: MIT
/* Dates of answers. */
#ifndef AWS_DATE_H
#define AWS_DATE_H

#include <weir/plugin.h>

/* "Tue, 15 Nov 1994 08:12:31 GMT" in seconds since 1970; -1 when it is none. */
int64_t date_read_http(struct weir_slice text);
/* "2026-11-24T21:05:00Z", with a fraction or an offset too; -1 when it is none. */
int64_t date_read_iso(struct weir_slice text);

#endif
