// SPDX-License-Identifier: MIT
/* Compression of a whole body, by the flags of its request. */
#ifndef HTTP_BODY_PACK_H
#define HTTP_BODY_PACK_H

#include <weir/services.h>

/* "Content-Encoding: ..." of a request with these flags; NULL = its body is sent as it is. */
const char *body_pack_header(uint32_t flags);

/* The compressed body, which the caller frees; empty when there is no memory for it. Any thread. */
struct weir_slice body_pack(const struct weir_http_request *request);

#endif
