// SPDX-License-Identifier: MIT
/*
 * STATE_DIR/admin.token: what a request for records must carry. It is made at every start and can be read
 * by root and the agent's user, who may read the records' files as well.
 */
#ifndef CLI_TOKEN_H
#define CLI_TOKEN_H

#include <weir/abi.h>

#define TOKEN_FILE "admin.token"
#define TOKEN_SIZE 33 /* 128 bits in hexadecimal digits, and a NUL */

/* A new one, written to the folder. Logs why not. */
int token_make(const char *state_dir, char ret_token[TOKEN_SIZE]);
int token_read(const char *state_dir, char ret_token[TOKEN_SIZE], struct weir_error *error);

#endif
