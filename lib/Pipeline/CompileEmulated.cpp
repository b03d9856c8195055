// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a file with GPU kernels to an image for the emulator: what `weft emulate` asks of the compiler.
#include "CompileEmulated.h"

#include "weft/Codegen/CPU/LinkImage.h"
#include "weft/Codegen/Emulator/EmitEmulated.h"
#include "weft/Codegen/GPU/LowerToNVVM.h"
#include "weft/Support/File.h"

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Parser/Parser.h"

using namespace mlir;
using namespace weft;

/// Whether something must be lowered before the kernels are llvm and nvvm.
static bool hasOtherOps(ModuleOp module) {
  return module
      .walk([](Operation *op) {
        StringRef dialect = op->getName().getDialectNamespace();
        return dialect == "llvm" || dialect == "nvvm" || dialect == "builtin" ? WalkResult::advance()
                                                                              : WalkResult::interrupt();
      })
      .wasInterrupted();
}

LogicalResult weft::compileEmulated(MLIRContext &context, const CompileOptions &options) {
  context.getOrLoadDialect<mlir::gpu::GPUDialect>();
  context.getOrLoadDialect<DLTIDialect>();
  auto fail = [&](const Twine &message) { return emitError(UnknownLoc::get(&context), message); };
  Result<std::string> text = readFile(options.path);
  if (!text.isOk())
    return fail(text.status().message());
  ParserConfig config(&context);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(*text, config, options.path);
  if (!module)
    return failure();
  emulator::flattenGpuModules(*module);
  if (hasOtherOps(*module) && failed(weft::gpu::lowerToNVVM(*module, options.verify)))
    return failure();
  llvm::Expected<cpu::TargetInfo> host = cpu::TargetInfo::get(options.targetCpu);
  if (!host)
    return fail(llvm::toString(host.takeError()));
  auto object = emulator::emitEmulatedObject(*module, *host);
  if (!object)
    return fail(options.path + ": " + llvm::toString(object.takeError()));
  auto image = cpu::linkImage({StringRef(object->data(), object->size())});
  if (!image)
    return fail(llvm::toString(image.takeError()));
  Status written = options.output(std::as_bytes(std::span(image->data(), image->size())));
  return written.isOk() ? success() : LogicalResult(fail(written.message()));
}
