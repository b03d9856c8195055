// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small whole programs over the kernels of Kernels.c.
#ifndef WEFT_TEST_UNIT_PROGRAM_SAMPLEPROGRAMS_H
#define WEFT_TEST_UNIT_PROGRAM_SAMPLEPROGRAMS_H

#include "weft/Program/Program.h"

namespace weft::program::samples {

/// The image of Kernels.c.
Blob kernelImage();

// The order of the kernels in every program below.
enum : KernelId { AddKernel, DoubleKernel, GatherKernel, AddIntKernel, LessKernel, ConstantKernel };
/// A program with the image and all kernels, and nothing else.
Program withKernels();
/// Appends a buffer to the function.
BufferId addBuffer(Function &function, BufferKind kind, ExprId size, uint32_t index = 0);

/// main(x: f32[200]) -> y = (x + c) * 2 with a constant c = 0.5; one temporary, planned statically.
Program staticProgram();
/// main(a: f32[n], b: f32[n]) -> y: f32[n] = ((a + b) * 2) + a; n from 1 to 10000; z: f32[n] = a * 2.
Program dynamicProgram();
/// main(table: f32[4], index: i64[n]) -> f32[n], with an index check.
Program gatherProgram();
/// step(x: f32[4]) -> total: variable total += x. reset(): total = 0.
Program variableProgram();
/// main(count: i64[], limit: i64[], step: i64[]) -> i64[]: while (count < limit) count += step.
Program loopProgram();
/// main(condition: i1[], x: f32[4]) -> condition ? x + x : x * 2 + x.
Program branchProgram();
/// main(x: f32[n]) -> indices: i64[m, 1]: the non-zero elements; y: f32[m]: their values doubled.
Program nonZeroProgram();

/// main(x: f32[8]) -> sum: f32[8] over all ranks; all: f32[8 * ranks]; part: f32[8 / ranks] of the product
/// over all ranks; shifted: f32[8] from the rank before; where: i64[axes] coordinates. The number of ranks
/// divides 8.
Program meshProgram(std::vector<MeshAxis> mesh);
/// The same for two ranks.
Program twoRankProgram();

/// The same program for a GPU: blocks of 128 threads in place of chunks, one image of PTX for sm_80. Host
/// functions are allowed.
Program onGpu(Program program);

} // namespace weft::program::samples

#endif // WEFT_TEST_UNIT_PROGRAM_SAMPLEPROGRAMS_H
