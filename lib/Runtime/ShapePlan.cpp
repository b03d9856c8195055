// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Evaluates size expressions for one set of extents, plans memory for them, and checks what could not be
// checked before the extents were known.
#include "Impl.h"

#include <algorithm>

namespace weft::runtime {

using namespace program;

Result<ShapePlan> makeShapePlan(const Program &program, std::span<const int64_t> symbols, bool hasDataSymbols,
                                std::span<const int64_t> guesses) {
  ShapePlan plan;
  program.exprs.evaluate(symbols, plan.values);
  if (hasDataSymbols) {
    std::vector<Interval> ranges(symbols.size()), results;
    for (size_t s = 0; s < symbols.size(); ++s) {
      const Symbol &symbol = program.symbols[s];
      ranges[s] = {symbols[s], symbols[s]};
      if (!symbol.isDataDependent())
        continue;
      program.exprs.evaluate(ranges, results); // the bound uses symbols before this one only
      int64_t bound = results[symbol.bound].high;
      if (isUnbounded(program, symbol))
        bound = guesses[s];
      ranges[s] = bound == noValue ? Interval{} : Interval{std::min(symbol.lower, bound), bound};
    }
    program.exprs.evaluate(ranges, results);
    plan.upper.resize(results.size());
    std::transform(results.begin(), results.end(), plan.upper.begin(),
                   [](Interval range) { return range.high; });
  } else {
    plan.upper = plan.values;
  }
  WEFT_ASSIGN_OR_RETURN(plan.functions, planArenas(program, plan.upper));
  return plan;
}

namespace {

class SizeChecker {
public:
  SizeChecker(const Executable::Impl &executable, const ShapePlan &plan, std::span<const int64_t> values)
      : executable(executable), program(executable.loaded.program), plan(plan), values(values) {}

  Status check(FunctionId id) {
    function = &program.functions[id];
    if (plan.functions[id].size < 0)
      return failedPrecondition("function '", function->name,
                                "' needs an extent that the inputs do not determine, or a size overflows");
    for (BufferId b = 0; b < function->buffers.size(); ++b)
      WEFT_RETURN_IF_ERROR(
          checkBuffer(function->buffers[b]).context(concat("function '", function->name, "', buffer ", b)));
    for (const Command &command : function->commands)
      WEFT_RETURN_IF_ERROR(std::visit([&](const auto &what) { return checkCommand(what); }, command.what)
                               .context(concat("'", command.name, "' (", command.location, ")")));
    return Status::ok();
  }

private:
  /// False: its value depends on data not known yet, and nothing can be said.
  bool isKnown(ExprId id) const { return values[id] != noValue || !executable.dependsOnData[id]; }

  Status checkSize(ExprId id, const char *what) const {
    if (isKnown(id) && values[id] < 0)
      return values[id] == noValue ? invalidArgument(what, " overflows or divides by zero")
                                   : invalidArgument(what, " is negative: ", values[id]);
    return Status::ok();
  }

  /// `offset` + `size` of `limit` bytes; unknown ones pass.
  Status checkRange(ExprId offset, ExprId size, int64_t limit) const {
    WEFT_RETURN_IF_ERROR(checkSize(size, "the size"));
    if (offset != noId)
      WEFT_RETURN_IF_ERROR(checkSize(offset, "the offset"));
    if (!isKnown(size) || (offset != noId && !isKnown(offset)) || limit < 0)
      return Status::ok();
    const int64_t start = offset == noId ? 0 : values[offset];
    if (start > limit || values[size] > limit - start)
      return outOfRange(values[size], " bytes at ", start, " of a buffer of ", limit);
    return Status::ok();
  }

  /// Bytes of a value of these extents; -1 while unknown.
  Result<int64_t> bytesOf(DType type, std::span<const ExprId> dims) const {
    std::vector<int64_t> extents;
    for (const ExprId dim : dims) {
      if (!isKnown(dim))
        return -1;
      WEFT_RETURN_IF_ERROR(checkSize(dim, "an extent"));
      extents.push_back(values[dim]);
    }
    return checkedNumBytes(type, extents);
  }

  /// Bytes the buffer has; -1 while unknown. Memory is planned with upper bounds.
  int64_t sizeOf(BufferId id) const {
    const Buffer &buffer = function->buffers[id];
    return isKnown(buffer.size) ? values[buffer.size] : -1;
  }

  Status checkBuffer(const Buffer &buffer) const {
    switch (buffer.kind) {
    case BufferKind::Arena:
      return checkRange(noId, buffer.size, std::max<int64_t>(plan.upper[buffer.size], 0));
    case BufferKind::Constant:
      return checkRange(noId, buffer.size, program.constants[buffer.index].value.numBytes());
    case BufferKind::Variable: {
      const Variable &variable = program.variables[buffer.index];
      WEFT_ASSIGN_OR_RETURN(const int64_t bytes, checkedNumBytes(variable.dtype, variable.dims));
      return checkRange(noId, buffer.size, bytes);
    }
    case BufferKind::Input:
    case BufferKind::Output: {
      const Value &value =
          buffer.kind == BufferKind::Input ? function->inputs[buffer.index] : function->outputs[buffer.index];
      WEFT_ASSIGN_OR_RETURN(const int64_t bytes, bytesOf(value.dtype, value.dims));
      return checkRange(noId, buffer.size, bytes);
    }
    case BufferKind::Alias:
      return checkRange(buffer.aliasOffset, buffer.size, sizeOf(buffer.index));
    }
    return internalError("unknown kind of buffer");
  }

  Status checkCommand(const Launch &c) const {
    for (const ExprId dim : c.dims)
      if (isKnown(dim) && values[dim] == noValue)
        return invalidArgument("an extent overflows or divides by zero");
    WEFT_RETURN_IF_ERROR(checkSize(c.scratch, "the scratch memory"));
    return checkSize(c.chunks, "the number of chunks");
  }
  Status checkCommand(const Copy &c) const {
    WEFT_RETURN_IF_ERROR(checkRange(c.toOffset, c.size, sizeOf(c.to)));
    return checkRange(c.fromOffset, c.size, sizeOf(c.from));
  }
  Status checkCommand(const Host &c) const {
    for (const HostArgument &arg : c.args) {
      WEFT_ASSIGN_OR_RETURN(const int64_t bytes, bytesOf(arg.dtype, arg.dims));
      if (const int64_t size = sizeOf(arg.buffer); size >= 0 && bytes > size)
        return outOfRange("an argument of ", bytes, " bytes in a buffer of ", size);
    }
    return Status::ok();
  }
  /// The buffers of a call are at least as large as what the called function declares.
  Status checkArgs(std::span<const BufferId> buffers, std::span<const Value> wanted) const {
    for (size_t i = 0; i < buffers.size(); ++i) {
      WEFT_ASSIGN_OR_RETURN(const int64_t bytes, bytesOf(wanted[i].dtype, wanted[i].dims));
      if (const int64_t size = sizeOf(buffers[i]); size >= 0 && bytes > size)
        return outOfRange("argument '", wanted[i].name, "' of ", bytes, " bytes in a buffer of ", size);
    }
    return Status::ok();
  }
  Status checkCall(FunctionId id, std::span<const BufferId> args, std::span<const BufferId> results) const {
    const Function &callee = program.functions[id];
    WEFT_RETURN_IF_ERROR(checkArgs(args, callee.inputs));
    return checkArgs(results, callee.outputs);
  }
  Status checkCommand(const Call &c) const { return checkCall(c.function, c.args, c.results); }
  Status checkCommand(const If &c) const {
    WEFT_RETURN_IF_ERROR(checkByte(c.condition));
    WEFT_RETURN_IF_ERROR(checkCall(c.thenFunction, c.args, c.results));
    return checkCall(c.elseFunction, c.args, c.results);
  }
  Status checkCommand(const While &c) const {
    for (size_t i = 0; i < c.args.size(); ++i) {
      const int64_t args = sizeOf(c.args[i]), results = sizeOf(c.results[i]),
                    temporaries = sizeOf(c.temporaries[i]);
      if (args >= 0 && results >= 0 && temporaries >= 0 && (args != results || args != temporaries))
        return outOfRange("loop value ", i, " has ", args, ", ", results, " and ", temporaries, " bytes");
    }
    std::vector<BufferId> inputs = c.args;
    inputs.insert(inputs.end(), c.captures.begin(), c.captures.end());
    WEFT_RETURN_IF_ERROR(checkCall(c.condFunction, inputs, {&c.condition, 1}));
    WEFT_RETURN_IF_ERROR(checkByte(c.condition));
    return checkCall(c.bodyFunction, inputs, c.results);
  }
  Status checkByte(BufferId buffer) const {
    return sizeOf(buffer) == 0 ? outOfRange("a condition in a buffer of 0 bytes") : Status::ok();
  }
  Status checkCommand(const program::Check &c) const { return checkByte(c.predicate); }
  Status checkCommand(const Fill &) const { return Status::ok(); }
  Status checkCommand(const ShapeCheck &) const { return Status::ok(); }
  Status checkCommand(const SetSymbol &c) const {
    const int64_t size = sizeOf(c.buffer);
    return size >= 0 && size < 8 ? outOfRange("an i64 in a buffer of ", size, " bytes") : Status::ok();
  }
  Status checkCommand(const CollectiveStart &c) const {
    WEFT_RETURN_IF_ERROR(checkSize(c.count, "the number of elements"));
    if (!isKnown(c.count))
      return Status::ok();
    const int64_t members = int64_t(program.groups[c.group][0].size()), count = values[c.count];
    const bool isCut = c.kind == Collective::ReduceScatter || c.kind == Collective::AllToAll;
    if (isCut && count % members != 0)
      return invalidArgument(count, " elements cannot be cut into ", members, " equal parts");
    WEFT_ASSIGN_OR_RETURN(const int64_t from, bytesOf(c.dtype, {&c.count, 1}));
    WEFT_ASSIGN_OR_RETURN(const int64_t all, checkedNumBytes(c.dtype, std::vector{count, members}));
    const int64_t to = c.kind == Collective::AllGather       ? all
                       : c.kind == Collective::ReduceScatter ? from / members
                                                             : from;
    if (const int64_t size = sizeOf(c.from); size >= 0 && from > size)
      return outOfRange(collectiveName(c.kind), " of ", from, " bytes from a buffer of ", size);
    if (const int64_t size = sizeOf(c.to); size >= 0 && to > size)
      return outOfRange(collectiveName(c.kind), " of ", to, " bytes to a buffer of ", size);
    return Status::ok();
  }
  Status checkCommand(const Send &c) const { return checkRange(noId, c.size, sizeOf(c.from)); }
  Status checkCommand(const Recv &c) const { return checkRange(noId, c.size, sizeOf(c.to)); }
  Status checkCommand(const Wait &) const { return Status::ok(); }
  Status checkCommand(const MeshCoordinate &c) const {
    const int64_t size = sizeOf(c.to);
    return size >= 0 && size < 8 ? outOfRange("an i64 in a buffer of ", size, " bytes") : Status::ok();
  }

  const Executable::Impl &executable;
  const Program &program;
  const ShapePlan &plan;
  std::span<const int64_t> values;
  const Function *function = nullptr;
};

} // namespace

Status checkSizes(const Executable::Impl &executable, const ShapePlan &plan, std::span<const int64_t> values,
                  std::span<const FunctionId> reachable) {
  SizeChecker checker(executable, plan, values);
  for (const FunctionId function : reachable)
    WEFT_RETURN_IF_ERROR(checker.check(function));
  return Status::ok();
}

} // namespace weft::runtime
