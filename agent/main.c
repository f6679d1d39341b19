// SPDX-License-Identifier: Apache-2.0
// Which of its lives the binary leads is told by who starts it: the kernel (PID 1), or the installed
// system (phone-home).

#include <stdio.h>

int main(int argc, char **argv)
{
    (void)argc;
    fprintf(stderr, "usage: %s phone-home CONFIG\n", argv[0]);
    return 2;
}
