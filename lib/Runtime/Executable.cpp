// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loading: picks the code image for this CPU, resolves kernels and host functions, flattens commands.
#include "weft/Runtime/Executable.h"

#include "Impl.h"
#include "weft/Runtime/HostCpu.h"

#include <algorithm>
#include <cstring>

namespace weft::runtime {
namespace {

using namespace program;

/// "x86-64-v3", for "emu-x86-64-v3" too.
std::string_view levelOf(const CodeImage &image) {
  std::string_view level = image.isa;
  if (level.starts_with("emu-"))
    level.remove_prefix(4);
  return level;
}

/// Features the image needs that this CPU lacks; an image of an unknown level needs one of that name.
std::vector<std::string> missingFeatures(const CodeImage &image) {
  const std::string_view level = levelOf(image);
  std::vector<std::string> needed = featuresOfIsa(level), missing;
  if (needed.empty() && level != "native" && level != hostIsa())
    return {std::string(level)};
  needed.insert(needed.end(), image.features.begin(), image.features.end());
  std::copy_if(needed.begin(), needed.end(), std::back_inserter(missing),
               [](const std::string &feature) { return !hostHasFeature(feature); });
  return missing;
}

Status flatten(Executable::Impl &impl) {
  const Program &program = impl.loaded.program;
  std::vector<WeftKernel> kernels;
  if (impl.code)
    for (const Kernel &kernel : program.kernels) {
      WEFT_ASSIGN_OR_RETURN(const WeftKernel function, impl.code->kernel(kernel.symbol));
      kernels.push_back(function);
    }
  WEFT_ASSIGN_OR_RETURN(const std::vector<FunctionId> order, calleesFirst(program));
  impl.functions.resize(program.functions.size());
  for (const FunctionId f : order) {
    const Function &function = program.functions[f];
    FlatFunction &flat = impl.functions[f];
    std::vector<bool> isReachable(program.functions.size());
    const auto reach = [&](FunctionId callee) {
      for (const FunctionId id : impl.functions[callee].reachable)
        isReachable[id] = true;
    };
    flat.commands.reserve(function.commands.size());
    for (const Command &command : function.commands) {
      FlatCommand to;
      to.op = Op(command.what.index());
      to.source = &command;
      if (const auto *launch = std::get_if<Launch>(&command.what)) {
        if (impl.code)
          to.kernel = kernels[launch->kernel];
        to.numBuffers = uint32_t(launch->buffers.size());
        to.numDims = uint32_t(launch->dims.size());
        to.firstBuffer = uint32_t(flat.buffers.size());
        to.firstDim = uint32_t(flat.dims.size());
        to.chunks = launch->chunks;
        to.scratch = launch->scratch;
        flat.buffers.insert(flat.buffers.end(), launch->buffers.begin(), launch->buffers.end());
        flat.dims.insert(flat.dims.end(), launch->dims.begin(), launch->dims.end());
        impl.maxBuffers = std::max(impl.maxBuffers, to.numBuffers);
        impl.maxDims = std::max(impl.maxDims, to.numDims);
      } else if (const auto *host = std::get_if<Host>(&command.what)) {
        to.host = findHostFunction(host->function);
        if (!to.host)
          return unimplemented("'", command.name, "' (", command.location,
                               "): this runtime has no host function '", host->function, "'");
      } else if (const auto *call = std::get_if<Call>(&command.what)) {
        reach(call->function);
      } else if (const auto *branch = std::get_if<If>(&command.what)) {
        reach(branch->thenFunction);
        reach(branch->elseFunction);
      } else if (const auto *loop = std::get_if<While>(&command.what)) {
        reach(loop->condFunction);
        reach(loop->bodyFunction);
      }
      flat.commands.push_back(to);
    }
    isReachable[f] = true;
    for (FunctionId id = 0; id < isReachable.size(); ++id)
      if (isReachable[id])
        flat.reachable.push_back(id);
  }
  return Status::ok();
}

void findDataDependence(Executable::Impl &impl) {
  const Program &program = impl.loaded.program;
  for (const Symbol &symbol : program.symbols)
    impl.hasDataSymbols |= symbol.isDataDependent();
  impl.dependsOnData.resize(program.exprs.size());
  for (ExprId e = 0; e < program.exprs.size(); ++e) {
    const Expr &expr = program.exprs[e];
    if (expr.op == ExprOp::Symbol)
      impl.dependsOnData[e] = program.symbols[size_t(expr.value)].isDataDependent();
    else if (expr.op != ExprOp::Constant)
      impl.dependsOnData[e] = impl.dependsOnData[expr.lhs] || impl.dependsOnData[expr.rhs];
  }
}

std::vector<ValueInfo> describe(const Program &program, const std::vector<Value> &values) {
  std::vector<std::string> names;
  for (const Symbol &symbol : program.symbols)
    names.push_back(symbol.name);
  std::vector<ValueInfo> infos;
  for (const Value &value : values) {
    ValueInfo info{value.name, value.dtype, {}, {}, {}, {}};
    for (const ExprId dim : value.dims) {
      const Expr &expr = program.exprs[dim];
      const bool isStatic = expr.op == ExprOp::Constant;
      info.dims.push_back(isStatic ? expr.value : -1);
      info.dimNames.push_back(isStatic ? "" : program.exprs.toString(dim, names));
      const Symbol *symbol = expr.op == ExprOp::Symbol ? &program.symbols[size_t(expr.value)] : nullptr;
      info.lower.push_back(isStatic ? expr.value : symbol ? symbol->lower : 0);
      info.upper.push_back(isStatic ? expr.value : symbol ? symbol->upper : -1);
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

Result<const Function *> findFunction(const Program &program, const std::string &name) {
  const FunctionId id = program.findFunction(name);
  if (id == noId)
    return notFound("the program has no function '", name, "'");
  return &program.functions[id];
}

} // namespace

std::string ValueInfo::toString() const {
  std::string text = concat(dtype, "[");
  for (size_t d = 0; d < dims.size(); ++d)
    text += (d ? " x " : "") + (dims[d] >= 0 ? std::to_string(dims[d]) : dimNames[d]);
  return text + "]";
}

Result<const CodeImage *> chooseImage(const Program &program, std::string_view device) {
  const CodeImage *best = nullptr;
  size_t bestFeatures = 0;
  std::string refusals;
  for (const CodeImage &image : program.images) {
    if (deviceOfImage(image) != device)
      continue;
    const std::vector<std::string> missing = missingFeatures(image);
    if (!missing.empty()) {
      refusals += concat(refusals.empty() ? "" : "; ", image.isa, " needs");
      for (const std::string &feature : missing)
        refusals += ' ' + feature;
      continue;
    }
    const size_t count = featuresOfIsa(levelOf(image)).size() + image.features.size();
    if (!best || count > bestFeatures) {
      best = &image;
      bestFeatures = count;
    }
  }
  if (!best && refusals.empty())
    return failedPrecondition("the program has no code for device ", device);
  if (!best)
    return failedPrecondition("no code in the program runs on this CPU: ", refusals);
  return best;
}

Executable::Executable() : pimpl(std::make_unique<Impl>()) {}
Executable::~Executable() = default;

static Status prepare(Executable::Impl &impl, Result<LoadedProgram> loaded, const LoadOptions &options) {
  if (!loaded.isOk())
    return loaded.status();
  impl.loaded = *std::move(loaded);
  const Program &program = impl.loaded.program;
  if (program.isForGpu()) { // a Session brings the code to its device
    for (const CodeImage &image : program.images)
      if (impl.isa.empty() && deviceOfImage(image) == program.device)
        impl.isa = image.isa;
  } else if (!program.kernels.empty()) {
    WEFT_ASSIGN_OR_RETURN(const CodeImage *image, chooseImage(program, device::cpu));
    impl.isa = image->isa;
    WEFT_ASSIGN_OR_RETURN(impl.code, CodeLibrary::load(image->bytes.bytes, options.keepCodeDir));
  }
  for (const Constant &constant : program.constants)
    impl.constantBytes += constant.value.numBytes();
  findDataDependence(impl);
  return flatten(impl);
}

Result<std::shared_ptr<const Executable>> Executable::loadFile(const std::string &path,
                                                               const LoadOptions &options) {
  std::shared_ptr<Executable> executable(new Executable());
  ReadOptions read;
  read.verifyConstants = options.verifyConstants;
  const Status status = prepare(*executable->pimpl, readProgramFile(path, read), options);
  // The reader has named the file already.
  if (!status.isOk())
    return status.message().rfind(path, 0) == 0 ? status : status.context(path);
  return std::shared_ptr<const Executable>(std::move(executable));
}

Result<std::shared_ptr<const Executable>> Executable::load(std::span<const std::byte> bytes,
                                                           std::shared_ptr<const void> owner,
                                                           const LoadOptions &options) {
  std::shared_ptr<Executable> executable(new Executable());
  ReadOptions read;
  read.verifyConstants = options.verifyConstants;
  WEFT_RETURN_IF_ERROR(prepare(*executable->pimpl, readProgram(bytes, std::move(owner), read), options));
  return std::shared_ptr<const Executable>(std::move(executable));
}

const Program &Executable::program() const { return pimpl->loaded.program; }
const std::string &Executable::id() const { return pimpl->loaded.id; }
const std::string &Executable::isa() const { return pimpl->isa; }

std::vector<std::string> Executable::functions() const {
  std::vector<bool> isCalled(program().functions.size());
  for (FunctionId f = 0; f < pimpl->functions.size(); ++f)
    for (const FunctionId callee : pimpl->functions[f].reachable)
      if (callee != f)
        isCalled[callee] = true;
  std::vector<std::string> names;
  for (FunctionId f = 0; f < isCalled.size(); ++f)
    if (!isCalled[f])
      names.push_back(program().functions[f].name);
  return names;
}

Result<std::vector<ValueInfo>> Executable::inputs(const std::string &function) const {
  WEFT_ASSIGN_OR_RETURN(const Function *found, findFunction(program(), function));
  return describe(program(), found->inputs);
}

Result<std::vector<ValueInfo>> Executable::outputs(const std::string &function) const {
  WEFT_ASSIGN_OR_RETURN(const Function *found, findFunction(program(), function));
  return describe(program(), found->outputs);
}

} // namespace weft::runtime
