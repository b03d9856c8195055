/* Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Uses every function of weft-c/weft.h: capi-run MODEL FOLDER. What is wrong is told, and ends it with 1.
 */
#include "weft-c/weft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                     \
  do {                                                                                                       \
    if (!(condition)) {                                                                                      \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                                \
      exit(1);                                                                                               \
    }                                                                                                        \
  } while (0)

/* The call must succeed. */
static void good(WeftError *error) {
  if (!error)
    return;
  fprintf(stderr, "error %d: %s\n", weftErrorCode(error), weftErrorMessage(error));
  exit(1);
}

/* The call must fail with this code and a message that holds the text. */
static void bad(WeftError *error, WeftCode code, const char *text) {
  CHECK(error);
  if (weftErrorCode(error) != code || !strstr(weftErrorMessage(error), text)) {
    fprintf(stderr, "error %d: %s; wanted %d and '%s'\n", weftErrorCode(error), weftErrorMessage(error), code,
            text);
    exit(1);
  }
  weftErrorDelete(error);
}

int main(int argc, char **argv) {
  CHECK(argc == 3);
  const char *model = argv[1];
  char saved[1024], full[1024];
  snprintf(saved, sizeof saved, "%s/small.weft", argv[2]);
  snprintf(full, sizeof full, "%s/no/such/folder.weft", argv[2]);
  CHECK(strlen(weftVersion()) > 0);
  CHECK(weftErrorCode(NULL) == WEFT_OK && strcmp(weftErrorMessage(NULL), "") == 0);
  weftErrorDelete(NULL);
  weftProgramDelete(NULL);
  weftSessionDelete(NULL);
  weftResultsDelete(NULL);

  /* Compile, look at, save, load. */
  WeftOption options[] = {{"numerics", "default"}, {"compile-threads", "1"}, {"cache", "off"}};
  WeftProgram *program = NULL;
  good(weftProgramCompile(model, options, 3, &program));
  CHECK(weftProgramNumInputs(program) == 1 && weftProgramNumOutputs(program) == 1);
  WeftValue x = weftProgramInput(program, 0), y = weftProgramOutput(program, 0);
  CHECK(strcmp(x.name, "x") == 0 && x.dtype == WEFT_F32 && x.rank == 4 && x.dims[3] == 8 && !*x.dimNames[3]);
  CHECK(strcmp(y.name, "y") == 0 && y.dtype == WEFT_F32 && y.rank == 2 && y.dims[0] == 2 && y.dims[1] == 10);
  WeftType four = {WEFT_F32, 4}, two = {WEFT_F32, 2};
  good(weftProgramCheck(program, &four, 1, &two, 1));
  bad(weftProgramCheck(program, &two, 1, &two, 1), WEFT_FAILED_PRECONDITION, "'x'");
  bad(weftProgramCheck(program, &four, 1, NULL, 0), WEFT_FAILED_PRECONDITION, "outputs");
  good(weftModelCompile(model, options, 3, saved));
  WeftProgram *loaded = NULL, *copied = NULL;
  good(weftProgramLoad(saved, &loaded));
  FILE *file = fopen(saved, "rb");
  CHECK(file);
  static char bytes[1 << 20];
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  good(weftProgramLoadBytes(bytes, size, &copied));

  /* Run all three; the session keeps its program. */
  static _Alignas(64) float in[128], out[3][20];
  for (int i = 0; i < 128; ++i)
    in[i] = (float)(i * 53 % 64 - 32) / 64;
  const int64_t inDims[] = {2, 1, 8, 8}, outDims[] = {2, 10};
  WeftTensor input = {WEFT_F32, 4, inDims, in};
  WeftProgram *programs[] = {program, loaded, copied};
  WeftSession *session = NULL;
  for (int p = 0; p < 3; ++p) {
    weftSessionDelete(session);
    good(weftSessionCreate(programs[p], 1, &session));
    weftProgramDelete(programs[p]);
    WeftTensor output = {WEFT_F32, 2, outDims, out[p]};
    good(weftSessionRun(session, &input, 1, &output, 1));
    float sum = 0;
    for (int i = 0; i < 10; ++i)
      sum += out[p][i];
    CHECK(sum > 0.9999f && sum < 1.0001f);
    CHECK(memcmp(out[0], out[p], sizeof out[0]) == 0);
  }
  WeftResults *results = NULL;
  good(weftSessionRunNew(session, &input, 1, &results));
  CHECK(weftResultsSize(results) == 1);
  WeftTensor result = weftResultsTensor(results, 0);
  CHECK(result.dtype == WEFT_F32 && result.rank == 2 && result.dims[1] == 10);
  CHECK(memcmp(result.data, out[0], sizeof out[0]) == 0);
  weftResultsDelete(results);
  weftSessionCancel(session); /* nothing runs: the next run is not touched */

  /* Mistakes. */
  WeftTensor output = {WEFT_F32, 2, outDims, out[0]};
  WeftTensor wrong = input;
  wrong.dtype = WEFT_F64;
  bad(weftSessionRun(session, &wrong, 1, &output, 1), WEFT_INVALID_ARGUMENT, "f64, wanted f32");
  wrong.dtype = (WeftDType)99;
  bad(weftSessionRun(session, &wrong, 1, &output, 1), WEFT_INVALID_ARGUMENT, "99");
  wrong = input;
  wrong.data = NULL;
  bad(weftSessionRun(session, &wrong, 1, &output, 1), WEFT_INVALID_ARGUMENT, "no memory");
  wrong = input;
  wrong.dims = NULL;
  bad(weftSessionRun(session, &wrong, 1, &output, 1), WEFT_INVALID_ARGUMENT, "no extents");
  const int64_t negative[] = {-1, 10};
  WeftTensor shrunk = {WEFT_F32, 2, negative, out[0]};
  bad(weftSessionRun(session, &input, 1, &shrunk, 1), WEFT_INVALID_ARGUMENT, "output 0");
  bad(weftSessionRun(session, NULL, 0, &output, 1), WEFT_INVALID_ARGUMENT, "0 inputs, wanted 1");
  bad(weftSessionRun(session, &input, 1, NULL, 0), WEFT_INVALID_ARGUMENT, "output");
  bad(weftSessionRun(NULL, &input, 1, &output, 1), WEFT_INVALID_ARGUMENT, "null");
  weftSessionDelete(session);
  WeftProgram *none = NULL;
  bad(weftProgramLoad("nothing-here.weft", &none), WEFT_NOT_FOUND, "nothing-here.weft");
  bad(weftProgramLoad(model, &none), WEFT_INVALID_ARGUMENT, "not a .weft file");
  bad(weftProgramLoadBytes(bytes, size / 2, &none), WEFT_INVALID_ARGUMENT, "");
  bad(weftProgramLoadBytes(NULL, 0, &none), WEFT_INVALID_ARGUMENT, "not a .weft file");
  bad(weftProgramLoad(NULL, &none), WEFT_INVALID_ARGUMENT, "null");
  WeftOption unknown = {"speed", "11"}, notANumber = {"compile-threads", "many"},
             notOnOff = {"cache", "maybe"};
  bad(weftProgramCompile(model, &unknown, 1, &none), WEFT_INVALID_ARGUMENT, "'speed'");
  bad(weftProgramCompile(model, &notANumber, 1, &none), WEFT_INVALID_ARGUMENT, "'many'");
  bad(weftProgramCompile(model, &notOnOff, 1, &none), WEFT_INVALID_ARGUMENT, "'maybe'");
  bad(weftProgramCompile("nothing-here.onnx", NULL, 0, &none), WEFT_NOT_FOUND, "nothing-here.onnx");
  bad(weftModelCompile(model, NULL, 0, full), WEFT_NOT_FOUND, full);
  CHECK(!none);
  puts("all as it should be");
  return 0;
}
