// SPDX-License-Identifier: MIT
/* A shared object that is no plugin. */
#include <weir/abi.h>

WEIR_EXPORT extern const int something_else;
const int something_else = 1;
