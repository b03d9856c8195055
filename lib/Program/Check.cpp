// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Checks a program before anything trusts it: after reading a file, before writing one. What depends on
// extents known only at run time (sizes of aliases, of arguments) is checked by the Session.
#include "weft/Program/MemoryPlan.h"
#include "weft/Program/Program.h"
#include "weft/Program/Visit.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace weft::program {
namespace {

constexpr size_t maxSymbols = 4096, maxArity = 4096, maxRank = 64, maxRanks = 65536, maxAxes = 16;

class Checker {
public:
  explicit Checker(const Program &program) : program(program) {}

  Status run() {
    WEFT_RETURN_IF_ERROR(checkExprs());
    WEFT_RETURN_IF_ERROR(checkSymbols());
    for (const Constant &constant : program.constants)
      WEFT_RETURN_IF_ERROR(checkConstant(constant).context(concat("constant '", constant.name, "'")));
    std::unordered_set<std::string_view> names;
    for (const Variable &variable : program.variables) {
      const Status status = names.insert(variable.name).second ? checkVariable(variable)
                                                               : invalidArgument("the name is used twice");
      WEFT_RETURN_IF_ERROR(status.context(concat("variable '", variable.name, "'")));
    }
    if (program.device != device::cpu && program.device != device::cuda && program.device != device::cudaEmu)
      return invalidArgument("unknown device '", program.device, "', wanted cpu, cuda or cuda-emu");
    for (const Kernel &kernel : program.kernels)
      WEFT_RETURN_IF_ERROR(checkKernel(kernel).context(concat("kernel '", kernel.name, "'")));
    for (const CodeImage &image : program.images)
      if ((deviceOfImage(image) != device::cpu) != program.isForGpu())
        return invalidArgument("code for ", image.isa, " in a program for device ", program.device);
    WEFT_RETURN_IF_ERROR(checkMesh());
    names.clear();
    for (const Function &function : program.functions) {
      if (function.name.empty() || !names.insert(function.name).second)
        return invalidArgument("function name '", function.name, "' is empty or used twice");
      WEFT_RETURN_IF_ERROR(checkFunction(function).context(concat("function '", function.name, "'")));
    }
    if (!program.kernels.empty() && program.images.empty())
      return invalidArgument("the program has ", program.kernels.size(), " kernels but no code");
    return calleesFirst(program).status();
  }

private:
  /// Limits of every GPU that code is made for; what a device has less of is refused when the code is loaded.
  Status checkKernel(const Kernel &kernel) const {
    constexpr uint32_t maxThreads = 1024, maxCluster = 16;
    constexpr uint64_t maxShared = 228 << 10;
    if (kernel.symbol.empty() || kernel.numBuffers > maxArity || kernel.numDims > maxArity)
      return invalidArgument("no symbol, or more than ", maxArity, " arguments");
    if ((kernel.threads != 0) != program.isForGpu())
      return invalidArgument(kernel.threads, " threads in a program for device ", program.device);
    if (kernel.threads > maxThreads || kernel.cluster < 1 || kernel.cluster > maxCluster ||
        kernel.sharedBytes > maxShared)
      return invalidArgument(kernel.threads, " threads, ", kernel.sharedBytes,
                             " bytes of shared memory, clusters of ", kernel.cluster, "; wanted at most ",
                             maxThreads, ", ", maxShared, " and ", maxCluster);
    return Status::ok();
  }

  Status checkExprs() {
    maxSymbol.resize(program.exprs.size(), -1);
    for (ExprId i = 0; i < program.exprs.size(); ++i) {
      const Expr &e = program.exprs[i];
      if (e.op > ExprOp::Max)
        return invalidArgument("size expression ", i, ": unknown operation ", int(e.op));
      if (e.op == ExprOp::Symbol) {
        if (e.value < 0 || uint64_t(e.value) >= program.symbols.size())
          return invalidArgument("size expression ", i, ": no symbol ", e.value);
        maxSymbol[i] = e.value;
      } else if (e.op != ExprOp::Constant) {
        if (e.lhs >= i || e.rhs >= i)
          return invalidArgument("size expression ", i, " refers to a later one");
        maxSymbol[i] = std::max(maxSymbol[e.lhs], maxSymbol[e.rhs]);
      }
    }
    return Status::ok();
  }

  Status checkSymbols() {
    if (program.symbols.size() > maxSymbols)
      return invalidArgument("found ", program.symbols.size(), " symbols, wanted at most ", maxSymbols);
    for (size_t i = 0; i < program.symbols.size(); ++i) {
      const Symbol &symbol = program.symbols[i];
      if (symbol.lower < 0 || symbol.upper < -1 || (symbol.upper >= 0 && symbol.upper < symbol.lower))
        return invalidArgument("symbol '", symbol.name, "': bad bounds [", symbol.lower, ", ", symbol.upper,
                               "]");
      if (symbol.isDataDependent() &&
          (symbol.bound >= program.exprs.size() || maxSymbol[symbol.bound] >= int64_t(i)))
        return invalidArgument("symbol '", symbol.name, "': its bound does not exist or uses later symbols");
    }
    return Status::ok();
  }

  Status checkMesh() const {
    uint64_t ranks = program.mesh.empty() ? 0 : 1;
    if (program.mesh.size() > maxAxes)
      return invalidArgument("a mesh of ", program.mesh.size(), " axes, wanted at most ", maxAxes);
    std::unordered_set<std::string_view> names;
    for (const MeshAxis &axis : program.mesh) {
      if (axis.name.empty() || axis.size == 0 || !names.insert(axis.name).second)
        return invalidArgument("mesh axis '", axis.name, "' of ", axis.size, " is empty or named twice");
      if ((ranks *= axis.size) > maxRanks)
        return invalidArgument("a mesh of more than ", maxRanks, " ranks");
    }
    if (ranks != program.numRanks)
      return invalidArgument("a mesh of ", ranks, " ranks in a program for ", program.numRanks);
    for (size_t g = 0; g < program.groups.size(); ++g)
      WEFT_RETURN_IF_ERROR(checkGroup(program.groups[g]).context(concat("group ", g)));
    for (size_t r = 0; r < program.routes.size(); ++r) {
      if (program.routes[r].size() != program.numRanks)
        return invalidArgument("route ", r, " for ", program.routes[r].size(), " ranks, wanted ",
                               program.numRanks);
      for (uint32_t rank = 0; rank < program.numRanks; ++rank)
        if (const uint32_t peer = program.routes[r][rank];
            peer != noId && (peer >= program.numRanks || peer == rank))
          return invalidArgument("route ", r, " leads from rank ", rank, " to rank ", peer);
    }
    return Status::ok();
  }

  Status checkGroup(const std::vector<std::vector<uint32_t>> &group) const {
    std::vector<bool> seen(program.numRanks);
    for (const auto &set : group) {
      if (set.empty() || set.size() != group[0].size())
        return invalidArgument("sets of ", group[0].size(), " and ", set.size(), " ranks");
      for (const uint32_t rank : set) {
        if (rank >= program.numRanks || seen[rank])
          return invalidArgument("rank ", rank, " does not exist or is in two sets");
        seen[rank] = true;
      }
    }
    return group.empty() ? invalidArgument("no sets") : Status::ok();
  }

  static Status checkType(DType dtype, const std::vector<int64_t> &dims) {
    if (dims.size() > maxRank)
      return invalidArgument("rank ", dims.size(), ", wanted at most ", maxRank);
    return checkedNumBytes(dtype, dims).status();
  }

  static Status checkConstant(const Constant &constant) {
    WEFT_RETURN_IF_ERROR(checkType(constant.dtype, constant.dims));
    const HostTensor &value = constant.value;
    if (value.isValid() && (value.dtype() != constant.dtype || value.shape() != constant.dims))
      return invalidArgument("its value is ", value.typeString(), ", wanted ", constant.dtype, "[",
                             shapeString(constant.dims), "]");
    if (!constant.external)
      return Status::ok();
    const ExternalData &external = *constant.external;
    WEFT_ASSIGN_OR_RETURN(const int64_t size, checkedNumBytes(constant.dtype, constant.dims));
    if (external.path.empty() || external.path.find('\0') != std::string::npos)
      return invalidArgument("external data without a path");
    if (external.size != uint64_t(size) || external.offset > external.fileSize ||
        external.size > external.fileSize - external.offset)
      return invalidArgument("external data of ", external.size, " bytes at ", external.offset, " of '",
                             external.path, "', which has ", external.fileSize, "; wanted ", size);
    return Status::ok();
  }

  Status checkVariable(const Variable &variable) const {
    WEFT_RETURN_IF_ERROR(checkType(variable.dtype, variable.dims));
    if (variable.initial == noId)
      return Status::ok();
    if (variable.initial >= program.constants.size())
      return invalidArgument("no constant ", variable.initial, " for its initial value");
    const Constant &constant = program.constants[variable.initial];
    if (constant.dtype != variable.dtype || constant.dims != variable.dims)
      return invalidArgument("its initial value has another type or shape");
    return Status::ok();
  }

  Status checkExpr(ExprId id, bool optional = false) const {
    if ((optional && id == noId) || id < program.exprs.size())
      return Status::ok();
    return invalidArgument("no size expression ", id);
  }
  Status checkDims(const std::vector<ExprId> &dims) const {
    if (dims.size() > maxArity)
      return invalidArgument("found ", dims.size(), " dimensions, wanted at most ", maxArity);
    for (ExprId dim : dims)
      WEFT_RETURN_IF_ERROR(checkExpr(dim));
    return Status::ok();
  }

  Status checkValues(const std::vector<Value> &values, const char *what) const {
    std::unordered_set<std::string_view> names;
    for (const Value &value : values) {
      if (!names.insert(value.name).second)
        return invalidArgument("two ", what, "s are named '", value.name, "'");
      Status status = checkDims(value.dims);
      if (status.isOk() && (!isValidDType(int64_t(value.dtype)) || value.dims.size() > maxRank))
        status = invalidArgument("bad element type or rank");
      WEFT_RETURN_IF_ERROR(status.context(concat(what, " '", value.name, "'")));
    }
    return Status::ok();
  }

  Status checkBuffer(const Function &function, BufferId id) const {
    const Buffer &buffer = function.buffers[id];
    WEFT_RETURN_IF_ERROR(checkExpr(buffer.size));
    size_t limit = 0;
    switch (buffer.kind) {
    case BufferKind::Arena:
      return Status::ok();
    case BufferKind::Constant:
      limit = program.constants.size();
      break;
    case BufferKind::Input:
      limit = function.inputs.size();
      break;
    case BufferKind::Output:
      limit = function.outputs.size();
      break;
    case BufferKind::Variable:
      limit = program.variables.size();
      break;
    case BufferKind::Alias:
      limit = id;
      WEFT_RETURN_IF_ERROR(checkExpr(buffer.aliasOffset));
      break;
    default:
      return invalidArgument("unknown kind ", int(buffer.kind));
    }
    if (buffer.index >= limit)
      return invalidArgument("index ", buffer.index, " is not below ", limit);
    return Status::ok();
  }

  Status checkFunction(const Function &function) const {
    WEFT_RETURN_IF_ERROR(checkValues(function.inputs, "input"));
    WEFT_RETURN_IF_ERROR(checkValues(function.outputs, "output"));
    std::vector<bool> hasBuffer(function.outputs.size());
    for (BufferId b = 0; b < function.buffers.size(); ++b) {
      WEFT_RETURN_IF_ERROR(checkBuffer(function, b).context(concat("buffer ", b)));
      if (function.buffers[b].kind == BufferKind::Output)
        hasBuffer[function.buffers[b].index] = true;
    }
    for (size_t i = 0; i < hasBuffer.size(); ++i)
      if (!hasBuffer[i])
        return invalidArgument("output '", function.outputs[i].name, "' has no buffer");
    // Long chains of aliases would make finding the root slow.
    std::vector<uint32_t> depth(function.buffers.size());
    for (BufferId b = 0; b < function.buffers.size(); ++b)
      if (function.buffers[b].kind == BufferKind::Alias &&
          (depth[b] = depth[function.buffers[b].index] + 1) > 64)
        return invalidArgument("buffer ", b, ": more than 64 aliases of aliases");
    for (size_t c = 0; c < function.commands.size(); ++c)
      WEFT_RETURN_IF_ERROR(checkCommand(function, function.commands[c])
                               .context(concat("command ", c, " '", function.commands[c].name, "'")));
    WEFT_RETURN_IF_ERROR(checkChannels(function));
    return checkStaticPlan(function);
  }

  /// Each channel is started once, waited for once after it, and its buffers are left alone between.
  Status checkChannels(const Function &function) const {
    constexpr uint8_t collective = 1, send = 2, recv = 4, done = 8;
    std::unordered_map<uint32_t, uint8_t> channels;          // what was started on each
    std::unordered_map<BufferId, uint32_t> reading, writing; // open transfers, by buffer
    for (size_t c = 0; c < function.commands.size(); ++c) {
      const Command &command = function.commands[c];
      const auto error = [&](const auto &...what) {
        return invalidArgument("command ", c, " '", command.name, "': ", what...);
      };
      Status status;
      forEachBuffer(command, [&](BufferId buffer, bool written) {
        if (const auto it = writing.find(buffer); it != writing.end())
          status = error("touches buffer ", buffer, ", which channel ", it->second, " is writing");
        else if (const auto reader = reading.find(buffer); written && reader != reading.end())
          status = error("writes buffer ", buffer, ", which channel ", reader->second, " is reading");
      });
      WEFT_RETURN_IF_ERROR(status);
      if (const uint32_t channel = startedChannel(command); channel != noId) {
        const bool isSend = std::holds_alternative<Send>(command.what),
                   isRecv = std::holds_alternative<Recv>(command.what);
        uint8_t &state = channels[channel];
        if (state & ~(isSend ? recv : isRecv ? send : 0))
          return error("channel ", channel, " is started twice");
        state |= isSend ? send : isRecv ? recv : collective;
        forEachBuffer(
            command, [&](BufferId buffer, bool written) { (written ? writing : reading)[buffer] = channel; });
      } else if (const auto *wait = std::get_if<Wait>(&command.what)) {
        const auto it = channels.find(wait->channel);
        if (it == channels.end() || it->second & done)
          return error("channel ", wait->channel, " is not started, or waited for twice");
        it->second |= done;
        for (auto *open : {&reading, &writing})
          std::erase_if(*open, [&](const auto &entry) { return entry.second == wait->channel; });
      }
    }
    for (const auto &[channel, state] : channels)
      if (!(state & done))
        return invalidArgument("channel ", channel, " is started but never waited for");
    return Status::ok();
  }

  Status checkCommand(const Function &function, const Command &command) const {
    Status status;
    forEachBuffer(command, [&](BufferId buffer, bool written) {
      if (!status.isOk())
        return;
      if (buffer >= function.buffers.size()) {
        status = invalidArgument("no buffer ", buffer);
        return;
      }
      const BufferKind kind = function.buffers[rootOf(function, buffer)].kind;
      if (written && (kind == BufferKind::Constant || kind == BufferKind::Input))
        status = invalidArgument("writes buffer ", buffer, ", a constant or an input");
    });
    WEFT_RETURN_IF_ERROR(status);
    forEachCallee(command, [&](FunctionId callee) {
      if (status.isOk() && callee >= program.functions.size())
        status = invalidArgument("no function ", callee);
    });
    WEFT_RETURN_IF_ERROR(status);
    return std::visit([&](const auto &what) { return check(what); }, command.what);
  }

  Status check(const Launch &c) const {
    if (c.kernel >= program.kernels.size())
      return invalidArgument("no kernel ", c.kernel);
    const Kernel &kernel = program.kernels[c.kernel];
    if (c.buffers.size() != kernel.numBuffers || c.dims.size() != kernel.numDims ||
        c.numResults > c.buffers.size())
      return invalidArgument("kernel '", kernel.name, "' launched with ", c.buffers.size(), " buffers, ",
                             c.dims.size(), " extents and ", c.numResults, " results, wanted ",
                             kernel.numBuffers, " and ", kernel.numDims);
    WEFT_RETURN_IF_ERROR(checkDims(c.dims));
    WEFT_RETURN_IF_ERROR(checkExpr(c.chunks));
    WEFT_RETURN_IF_ERROR(checkExpr(c.scratch));
    WEFT_RETURN_IF_ERROR(checkExpr(c.flops, true));
    WEFT_RETURN_IF_ERROR(checkExpr(c.bytes, true));
    if (program.isForGpu() && program.exprs.constantOr(c.scratch, -1) != 0)
      return invalidArgument("scratch memory for kernel '", kernel.name, "', which runs on a GPU");
    return Status::ok();
  }
  Status check(const Copy &c) const {
    WEFT_RETURN_IF_ERROR(checkExpr(c.size));
    WEFT_RETURN_IF_ERROR(checkExpr(c.toOffset, true));
    return checkExpr(c.fromOffset, true);
  }
  Status check(const Fill &c) const {
    if (c.width != 1 && c.width != 2 && c.width != 4 && c.width != 8)
      return invalidArgument("fill of width ", int(c.width), ", wanted 1, 2, 4 or 8");
    return Status::ok();
  }
  Status check(const Host &c) const {
    if (c.function.empty() || c.args.size() > maxArity)
      return invalidArgument("host function without a name, or with more than ", maxArity, " arguments");
    if (!mayRunOffDevice(program, c.function))
      return invalidArgument("host function '", c.function, "' in a program for device ", program.device,
                             " that does not allow fallbacks");
    for (const HostArgument &arg : c.args) {
      if (!isValidDType(int64_t(arg.dtype)) || arg.dims.size() > maxRank)
        return invalidArgument("argument of unknown type or of rank above ", maxRank);
      WEFT_RETURN_IF_ERROR(checkDims(arg.dims));
    }
    return Status::ok();
  }
  Status checkArity(FunctionId id, size_t args, size_t results) const {
    const Function &callee = program.functions[id];
    if (callee.inputs.size() != args || callee.outputs.size() != results)
      return invalidArgument("function '", callee.name, "' called with ", args, " inputs and ", results,
                             " outputs, wanted ", callee.inputs.size(), " and ", callee.outputs.size());
    return Status::ok();
  }
  Status check(const Call &c) const { return checkArity(c.function, c.args.size(), c.results.size()); }
  Status check(const If &c) const {
    WEFT_RETURN_IF_ERROR(checkArity(c.thenFunction, c.args.size(), c.results.size()));
    return checkArity(c.elseFunction, c.args.size(), c.results.size());
  }
  Status check(const While &c) const {
    if (c.results.size() != c.args.size() || c.temporaries.size() != c.args.size())
      return invalidArgument("loop with ", c.args.size(), " arguments, ", c.results.size(), " results and ",
                             c.temporaries.size(), " temporaries");
    WEFT_RETURN_IF_ERROR(checkArity(c.condFunction, c.args.size() + c.captures.size(), 1));
    return checkArity(c.bodyFunction, c.args.size() + c.captures.size(), c.results.size());
  }
  Status check(const Check &) const { return Status::ok(); }
  Status check(const ShapeCheck &c) const {
    if (c.relation > Relation::Divides)
      return invalidArgument("unknown relation ", int(c.relation));
    WEFT_RETURN_IF_ERROR(checkExpr(c.lhs));
    return checkExpr(c.rhs);
  }
  Status check(const SetSymbol &c) const {
    if (c.symbol >= program.symbols.size() || !program.symbols[c.symbol].isDataDependent())
      return invalidArgument("symbol ", c.symbol, " does not exist or is bound by inputs");
    return Status::ok();
  }

  Status check(const CollectiveStart &c) const {
    if (c.kind > Collective::Broadcast || c.combine > Combine::Prod)
      return invalidArgument("unknown collective ", int(c.kind), " or combination ", int(c.combine));
    if (!isValidDType(int64_t(c.dtype)) || byteWidth(c.dtype) == 0)
      return invalidArgument("a collective of elements of type ", c.dtype);
    const bool combines = c.kind == Collective::AllReduce || c.kind == Collective::ReduceScatter;
    if (combines && (isStorageType(c.dtype) || (c.dtype == DType::I1 && c.combine == Combine::Sum)))
      return invalidArgument("elements of type ", c.dtype, " cannot be combined so");
    if (c.group >= program.groups.size())
      return invalidArgument("no group ", c.group);
    if (c.from == c.to && c.kind != Collective::AllReduce)
      return invalidArgument("one buffer for both sides of ", collectiveName(c.kind));
    WEFT_RETURN_IF_ERROR(checkChannel(c.channel));
    return checkExpr(c.count);
  }
  static Status checkChannel(uint32_t channel) {
    return channel == noId ? invalidArgument("no channel") : Status::ok();
  }
  Status checkTransfer(uint32_t channel, uint32_t route, ExprId size) const {
    if (route >= program.routes.size())
      return invalidArgument("no route ", route);
    WEFT_RETURN_IF_ERROR(checkChannel(channel));
    return checkExpr(size);
  }
  Status check(const Send &c) const { return checkTransfer(c.channel, c.route, c.size); }
  Status check(const Recv &c) const { return checkTransfer(c.channel, c.route, c.size); }
  Status check(const Wait &) const { return Status::ok(); }
  Status check(const MeshCoordinate &c) const {
    return c.axis < program.mesh.size() ? Status::ok() : invalidArgument("no mesh axis ", c.axis);
  }

  Status checkStaticPlan(const Function &function) const {
    const int64_t arena = function.arenaSize;
    if (arena == -1)
      return Status::ok();
    constexpr int64_t limit = int64_t(1) << 56;
    if (arena < 0 || arena > limit)
      return invalidArgument("bad arena size ", arena);
    const auto fits = [&](int64_t offset, int64_t size) {
      return offset >= 0 && offset % arenaAlignment == 0 && size >= 0 && offset <= arena &&
             size <= arena - offset;
    };
    const std::vector<Lifetime> lifetimes = bufferLifetimes(function);
    for (BufferId b = 0; b < function.buffers.size(); ++b) {
      const Buffer &buffer = function.buffers[b];
      if (buffer.kind != BufferKind::Arena || !lifetimes[b].isUsed())
        continue;
      if (!fits(buffer.offset, program.exprs.constantOr(buffer.size, -1)))
        return invalidArgument("buffer ", b, " at ", buffer.offset, " is outside the arena of ", arena,
                               " bytes, or not aligned");
    }
    for (size_t c = 0; c < function.commands.size(); ++c) {
      const int64_t *frame = frameOf(function.commands[c]);
      if (!frame)
        continue;
      bool ok = true;
      forEachCallee(function.commands[c],
                    [&](FunctionId callee) { ok &= fits(*frame, program.functions[callee].arenaSize); });
      if (!ok)
        return invalidArgument("command ", c, ": the arena of the called function is outside the arena of ",
                               arena, " bytes");
    }
    return Status::ok();
  }

  const Program &program;
  std::vector<int64_t> maxSymbol; // of each expression; -1: constant
};

} // namespace

Status checkProgram(const Program &program) { return Checker(program).run(); }

} // namespace weft::program
