// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Prints what becomes of GPU kernels: each FILE is a module of llvm.func kernels in llvm, nvvm, arith, math,
// scf and vector ops; --gemm makes one, of extents (? for dynamic ones) and words among f16, bf16, f32, tf32
// (elements), ta, tb (transposed operands), to-f32 (result), BxB of a batch after the colon.
// --conv makes a convolution, of N x H x W x Ci x Co x KERNEL x STRIDE, padded to keep H and W at stride 1.
// --attention makes one, of B x H x S x T x D x E and words among f16, bf16, f32, causal, mask.
// --transpose=AxBxC:IxJxK permutes elements of 4 bytes, or of so many as follow a comma.
//   weft-ptx (FILE.mlir | --transpose=EXTENTS:PERMUTATION[,BYTES] | --gemm=MxNxK[,WORD...] |
//   --conv=NxHxWxCIxCOxKERNELxSTRIDE[,f16|,f32|,tf32] | --attention=BxHxSxTxDxE[,WORD...])...
//   [--target=sm_80|sm_90a] [--emit=tile|threads|nvvm|llvm|ptx]
#include "weft/Codegen/GPU/EmitPTX.h"
#include "weft/Codegen/GPU/GenerateAttention.h"
#include "weft/Codegen/GPU/GenerateConv.h"
#include "weft/Codegen/GPU/GenerateTranspose.h"
#include "weft/Codegen/GPU/LowerToNVVM.h"
#include "weft/Pipeline/LowerTiles.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>

using namespace weft;

namespace {

/// "4x?x8" into extents; empty when that is not what it says.
llvm::SmallVector<int64_t> parseExtents(llvm::StringRef text) {
  llvm::SmallVector<llvm::StringRef> words;
  text.split(words, 'x');
  llvm::SmallVector<int64_t> extents;
  for (llvm::StringRef word : words) {
    int64_t extent = mlir::ShapedType::kDynamic;
    if (word != "?" && word.getAsInteger(10, extent))
      return {};
    extents.push_back(extent);
  }
  return extents;
}

mlir::FailureOr<gpu::TiledKernel> makeGemm(mlir::MLIRContext &context, llvm::StringRef text,
                                           const gpu::GpuTarget &target) {
  llvm::SmallVector<llvm::StringRef> words;
  text.split(words, ',');
  mlir::OpBuilder b(&context);
  llvm::SmallVector<int64_t> extents = parseExtents(words.front());
  if (extents.size() != 3)
    return mlir::emitError(b.getUnknownLoc()) << "'" << words.front() << "' is not MxNxK";
  gpu::GemmSpec spec;
  spec.m = extents[0], spec.n = extents[1], spec.k = extents[2];
  spec.type = b.getBF16Type();
  bool fast = false;
  for (llvm::StringRef word : llvm::ArrayRef(words).drop_front()) {
    if (word == "f16")
      spec.type = b.getF16Type();
    else if (word == "f32" || word == "tf32")
      spec.type = b.getF32Type(), fast = word == "tf32";
    else if (word == "ta")
      spec.transposedA = true;
    else if (word == "tb")
      spec.transposedB = true;
    else if (word == "to-f32")
      spec.cType = b.getF32Type();
    else if (word.consume_front("batch="))
      spec.batch = spec.aBatch = spec.bBatch = parseExtents(word);
    else if (word != "bf16")
      return mlir::emitError(b.getUnknownLoc()) << "unknown word '" << word << "'";
  }
  if (!spec.cType)
    spec.cType = spec.type;
  return gpu::generateGemm(b.getUnknownLoc(), spec, gpu::chooseTiling(spec, target, fast));
}

mlir::FailureOr<gpu::TiledKernel> makeConv(mlir::MLIRContext &context, llvm::StringRef text,
                                           const gpu::GpuTarget &target) {
  auto [shape, type] = text.split(',');
  mlir::OpBuilder b(&context);
  llvm::SmallVector<int64_t> n = parseExtents(shape);
  if (n.size() != 7)
    return mlir::emitError(b.getUnknownLoc()) << "'" << shape << "' is not NxHxWxCIxCOxKERNELxSTRIDE";
  gpu::ConvSpec spec;
  int64_t pad = n[5] / 2;
  spec.batch = n[0];
  spec.space = {{n[1], n[5], n[6], 1, pad, pad}, {n[2], n[5], n[6], 1, pad, pad}};
  spec.ci = n[3], spec.co = n[4];
  bool fast = type == "tf32";
  spec.type = type == "f16"           ? mlir::Type(b.getF16Type())
              : fast || type == "f32" ? b.getF32Type()
                                      : b.getBF16Type();
  spec.yType = spec.type;
  return gpu::generateConv(b.getUnknownLoc(), spec, gpu::chooseTiling(spec, target, fast));
}

mlir::FailureOr<gpu::TiledKernel> makeAttention(mlir::MLIRContext &context, llvm::StringRef text) {
  llvm::SmallVector<llvm::StringRef> words;
  text.split(words, ',');
  mlir::OpBuilder b(&context);
  llvm::SmallVector<int64_t> n = parseExtents(words.front());
  if (n.size() != 6)
    return mlir::emitError(b.getUnknownLoc()) << "'" << words.front() << "' is not BxHxSxTxDxE";
  cpu::AttentionSpec spec;
  spec.batch = n[0], spec.heads = spec.kvHeads = n[1], spec.queries = n[2], spec.keys = n[3];
  spec.depth = n[4], spec.values = n[5];
  spec.type = b.getBF16Type();
  for (llvm::StringRef word : llvm::ArrayRef(words).drop_front()) {
    if (word == "f16")
      spec.type = b.getF16Type();
    else if (word == "f32")
      spec.type = b.getF32Type();
    else if (word == "causal")
      spec.causal = cpu::AttentionSpec::Causal::BottomRight;
    else if (word == "mask")
      spec.mask = mlir::MemRefType::get({1, 1, spec.queries, spec.keys}, b.getF32Type());
    else if (word != "bf16")
      return mlir::emitError(b.getUnknownLoc()) << "unknown word '" << word << "'";
  }
  return gpu::generateAttention(b.getUnknownLoc(), spec);
}

mlir::FailureOr<gpu::GpuKernel> makeTranspose(mlir::MLIRContext &context, llvm::StringRef text) {
  auto [shapes, bytes] = text.split(',');
  auto [shape, permutation] = shapes.split(':');
  mlir::OpBuilder b(&context);
  gpu::TransposeSpec spec;
  spec.shape = parseExtents(shape);
  spec.permutation = parseExtents(permutation);
  if (spec.shape.size() != spec.permutation.size() ||
      (!bytes.empty() && bytes.getAsInteger(10, spec.elementBytes)))
    return mlir::emitError(b.getUnknownLoc()) << "'" << text << "' is not EXTENTS:PERMUTATION[,BYTES]";
  return gpu::generateTranspose(b.getUnknownLoc(), spec);
}

} // namespace

int main(int argc, char **argv) {
  llvm::StringRef targetName, form = "ptx";
  llvm::SmallVector<llvm::StringRef> inputs;
  for (llvm::StringRef arg : llvm::ArrayRef(argv, argc).drop_front()) {
    if (arg.consume_front("--target="))
      targetName = arg;
    else if (arg.consume_front("--emit="))
      form = arg;
    else
      inputs.push_back(arg);
  }
  auto target = gpu::GpuTarget::get(targetName);
  if (!target) {
    llvm::errs() << "weft-ptx: " << llvm::toString(target.takeError()) << "\n";
    return 2;
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  gpu::loadGpuCodegen(context);
  std::vector<std::unique_ptr<gpu::GpuKernel>> kernels;
  llvm::SmallVector<const gpu::GpuKernel *> list;
  for (llvm::StringRef input : inputs) {
    auto kernel = std::make_unique<gpu::GpuKernel>();
    bool isGemm = input.consume_front("--gemm="), isConv = !isGemm && input.consume_front("--conv=");
    bool isAttention = !isGemm && !isConv && input.consume_front("--attention=");
    if (isGemm || isConv || isAttention) {
      auto tiled = isGemm   ? makeGemm(context, input, *target)
                   : isConv ? makeConv(context, input, *target)
                            : makeAttention(context, input);
      if (mlir::failed(tiled))
        return 1;
      auto observe = [&](llvm::StringRef stage, mlir::ModuleOp module) {
        if (form == stage)
          module.print(llvm::outs());
      };
      auto lowered = lowerTiles(std::move(*tiled), /*verify=*/true, observe);
      if (mlir::failed(lowered))
        return 1;
      *kernel = std::move(*lowered);
    } else if (input.consume_front("--transpose=")) {
      auto made = makeTranspose(context, input);
      if (mlir::failed(made))
        return 1;
      *kernel = std::move(*made);
    } else {
      kernel->module = mlir::parseSourceFile<mlir::ModuleOp>(input, &context);
      if (!kernel->module || mlir::failed(gpu::lowerToNVVM(*kernel->module, /*verify=*/true)))
        return 1;
      kernel->name = llvm::sys::path::stem(input);
    }
    if (form == "nvvm")
      kernel->module->print(llvm::outs());
    list.push_back(kernel.get());
    kernels.push_back(std::move(kernel));
  }
  if (form == "nvvm" || form == "tile" || form == "threads")
    return 0;
  auto text = form == "llvm" ? gpu::emitNvptxIR(list, *target) : gpu::emitPTX(list, *target);
  if (!text) {
    llvm::errs() << "weft-ptx: " << llvm::toString(text.takeError()) << "\n";
    return 1;
  }
  llvm::outs() << *text;
  return 0;
}
