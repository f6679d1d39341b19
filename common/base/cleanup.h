// SPDX-License-Identifier: Apache-2.0
#pragma once

// Ownership made visible: a variable that owns something says so where it is declared, and TAKE_*
// says where the ownership leaves the function. The attribute needs a function that takes a pointer
// to the variable; CLEANUP_DEFINE makes one out of a destructor that accepts NULL.

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP_DEFINE(name, type, destructor)                                                     \
    static inline void name(type *value)                                                           \
    {                                                                                              \
        if (*value) {                                                                              \
            (void)destructor(*value);                                                              \
        }                                                                                          \
    }

static inline void cleanup_free_value(void *pointer)
{
    free(*(void **)pointer);
}

static inline void cleanup_close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

CLEANUP_DEFINE(cleanup_fclose_value, FILE *, fclose)

#define CLEANUP(function) __attribute__((cleanup(function)))
#define CLEANUP_FREE CLEANUP(cleanup_free_value)
#define CLEANUP_CLOSE CLEANUP(cleanup_close_fd)
#define CLEANUP_FCLOSE CLEANUP(cleanup_fclose_value)

// Hand the value over: the variable is empty afterwards, so its cleanup does nothing.
#define TAKE_PTR(variable)                                                                         \
    ({                                                                                             \
        __typeof__(variable) taken_ = (variable);                                                  \
        (variable) = NULL;                                                                         \
        taken_;                                                                                    \
    })
#define TAKE_FD(variable)                                                                          \
    ({                                                                                             \
        int taken_ = (variable);                                                                   \
        (variable) = -1;                                                                           \
        taken_;                                                                                    \
    })
