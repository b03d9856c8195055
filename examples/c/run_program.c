/* Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Runs a program compiled ahead of time through the header made for it; no compiler is there when this runs.
 */
#include "small.h"

#include <stdio.h>

int main(int argc, char **argv) {
  WeftSession *session = NULL;
  WeftError *error = small_load(argc > 1 ? argv[1] : "small.weft", &session);
  static _Alignas(64) float x[2 * 1 * 8 * 8], y[2 * 10];
  if (!error)
    error = small_run(session, x, y);
  if (error) {
    fprintf(stderr, "%s\n", weftErrorMessage(error));
    weftErrorDelete(error);
    return 1;
  }
  for (int i = 0; i < 10; ++i)
    printf("%.4f\n", y[i]);
  weftSessionDelete(session);
  return 0;
}
