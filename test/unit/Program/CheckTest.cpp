// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a program must not be: each check refuses its case, by name.
#include "Program/SamplePrograms.h"

#include <functional>
#include <gtest/gtest.h>

using namespace weft;
using namespace weft::program;

namespace {

Program onGpu() { return samples::onGpu(samples::staticProgram()); }

struct Case {
  const char *name;
  Program (*make)();
  std::function<void(Program &)> spoil;
  const char *message;
};

template <class T> T &what(Program &program, size_t command, size_t function = 0) {
  return std::get<T>(program.functions[function].commands[command].what);
}

const std::vector<Case> cases = {
    {"kernel", samples::staticProgram, [](Program &p) { what<Launch>(p, 0).kernel = 6; }, "no kernel 6"},
    {"buffer", samples::staticProgram, [](Program &p) { what<Launch>(p, 0).buffers[1] = 99; },
     "no buffer 99"},
    {"arity", samples::staticProgram, [](Program &p) { what<Launch>(p, 0).buffers.push_back(2); },
     "wanted 3"},
    {"cost", samples::staticProgram, [](Program &p) { what<Launch>(p, 1).flops = 99; },
     "no size expression 99"},
    {"extents", samples::staticProgram, [](Program &p) { what<Launch>(p, 0).dims.clear(); }, "0 extents"},
    {"expression", samples::staticProgram, [](Program &p) { what<Launch>(p, 0).chunks = 999; },
     "no size expression 999"},
    {"writes input", samples::staticProgram,
     [](Program &p) { std::swap(what<Launch>(p, 0).buffers[0], what<Launch>(p, 0).buffers[2]); }, "an input"},
    {"writes constant through an alias", samples::staticProgram,
     [](Program &p) {
       p.functions[0].buffers.push_back(
           {BufferKind::Alias, 1, p.functions[0].buffers[1].size, p.exprs.constant(0), -1});
       what<Launch>(p, 0).buffers[2] = BufferId(p.functions[0].buffers.size() - 1);
     },
     "a constant"},
    {"alias of a later buffer", samples::staticProgram,
     [](Program &p) { p.functions[0].buffers[0] = {BufferKind::Alias, 2, 0, 0, -1}; }, "is not below"},
    {"constant index", samples::staticProgram, [](Program &p) { p.functions[0].buffers[1].index = 5; },
     "is not below 1"},
    {"arena", samples::staticProgram, [](Program &p) { p.functions[0].buffers[2].offset = 64; },
     "outside the arena"},
    {"alignment", samples::staticProgram,
     [](Program &p) {
       p.functions[0].buffers[2].offset = 4;
       p.functions[0].arenaSize = 9999;
     },
     "not aligned"},
    {"no code", samples::staticProgram, [](Program &p) { p.images.clear(); }, "no code"},
    {"no buffer for an output", samples::staticProgram,
     [](Program &p) { p.functions[0].outputs.push_back({"z", DType::F32, {}}); }, "'z' has no buffer"},
    {"mesh of other ranks", samples::twoRankProgram, [](Program &p) { p.mesh[0].size = 3; },
     "a mesh of 3 ranks in a program for 2"},
    {"rank in two sets", samples::twoRankProgram, [](Program &p) { p.groups[0][0][1] = 0; },
     "rank 0 does not exist or is in two sets"},
    {"uneven sets", samples::twoRankProgram, [](Program &p) { p.groups[0] = {{0}, {}}; }, "sets of 1 and 0"},
    {"route to itself", samples::twoRankProgram, [](Program &p) { p.routes[0][1] = 1; },
     "leads from rank 1 to rank 1"},
    {"no group", samples::twoRankProgram, [](Program &p) { what<CollectiveStart>(p, 0).group = 7; },
     "no group 7"},
    {"no route", samples::twoRankProgram, [](Program &p) { what<Send>(p, 3).route = 2; }, "no route 2"},
    {"packed elements", samples::twoRankProgram,
     [](Program &p) { what<CollectiveStart>(p, 1).dtype = DType::I4; }, "elements of type i4"},
    {"sum of booleans", samples::twoRankProgram,
     [](Program &p) { what<CollectiveStart>(p, 0).dtype = DType::I1; }, "cannot be combined so"},
    {"channel started twice", samples::twoRankProgram,
     [](Program &p) { what<CollectiveStart>(p, 1).channel = 0; }, "channel 0 is started twice"},
    {"channel without a wait", samples::twoRankProgram,
     [](Program &p) { p.functions[0].commands.erase(p.functions[0].commands.begin() + 7); },
     "channel 2 is started but never waited for"},
    {"channel waited for twice", samples::twoRankProgram, [](Program &p) { what<Wait>(p, 8).channel = 2; },
     "waited for twice"},
    {"buffer touched before the wait", samples::twoRankProgram,
     [](Program &p) { std::swap(p.functions[0].commands[8], p.functions[0].commands[10]); },
     "which channel 0 is writing"},
    {"no axis", samples::twoRankProgram, [](Program &p) { what<MeshCoordinate>(p, 6).axis = 1; },
     "no mesh axis 1"},
    {"two inputs of a name", samples::dynamicProgram, [](Program &p) { p.functions[0].inputs[1].name = "a"; },
     "two inputs"},
    {"element type", samples::dynamicProgram, [](Program &p) { p.functions[0].inputs[1].dtype = DType(77); },
     "element type"},
    {"symbol bounds", samples::dynamicProgram, [](Program &p) { p.symbols[0].upper = 0; },
     "bad bounds [1, 0]"},
    {"expression of a later one", samples::dynamicProgram,
     [](Program &p) { p.exprs.append({ExprOp::Add, 0, 1000, 0}); }, "refers to a later one"},
    {"missing symbol", samples::dynamicProgram, [](Program &p) { p.exprs.append({ExprOp::Symbol, 5, 0, 0}); },
     "no symbol 5"},
    {"bound of later symbols", samples::nonZeroProgram,
     [](Program &p) { p.symbols[1].bound = p.exprs.symbol(1); }, "uses later symbols"},
    {"set of an input's symbol", samples::nonZeroProgram,
     [](Program &p) { what<SetSymbol>(p, 1).symbol = 0; }, "bound by inputs"},
    {"variable's start", samples::variableProgram, [](Program &p) { p.variables[0].dims = {5}; },
     "another type or shape"},
    {"fill width", samples::variableProgram, [](Program &p) { what<Fill>(p, 0, 1).width = 3; }, "width 3"},
    {"called function", samples::branchProgram, [](Program &p) { what<If>(p, 0).elseFunction = 9; },
     "no function 9"},
    {"arguments of a call", samples::branchProgram, [](Program &p) { what<If>(p, 0).args.clear(); },
     "called with 0 inputs"},
    {"loop lists", samples::loopProgram, [](Program &p) { what<While>(p, 0).temporaries.clear(); },
     "0 temporaries"},
    {"frame", samples::loopProgram, [](Program &p) { what<While>(p, 0).frame = 1024; }, "called function"},
    {"recursion", samples::branchProgram,
     [](Program &p) { p.functions[2].commands = {{"again", "", Call{2, {0}, {1}, -1}}}; }, "calls itself"},
    {"function names", samples::branchProgram, [](Program &p) { p.functions[1].name = "main"; },
     "used twice"},
    {"constant's value", samples::staticProgram, [](Program &p) { p.constants[0].dims = {3}; },
     "its value is"},
    {"external range", samples::staticProgram,
     [](Program &p) { p.constants[0].external = ExternalData{"w.bin", 100, 800, 500, 0}; },
     "external data of 800 bytes"},
    {"unknown device", onGpu, [](Program &p) { p.device = "tpu"; }, "unknown device 'tpu'"},
    {"threads of a kernel for the CPU", samples::staticProgram, [](Program &p) { p.kernels[1].threads = 32; },
     "kernel 'double': 32 threads in a program for device cpu"},
    {"no threads on a GPU", onGpu, [](Program &p) { p.kernels[0].threads = 0; },
     "0 threads in a program for"},
    {"too many threads", onGpu, [](Program &p) { p.kernels[0].threads = 1025; }, "1025 threads, 1024 bytes"},
    {"too much shared memory", onGpu, [](Program &p) { p.kernels[0].sharedBytes = 1 << 20; },
     "1048576 bytes"},
    {"too large clusters", onGpu, [](Program &p) { p.kernels[0].cluster = 17; }, "clusters of 17"},
    {"scratch on a GPU", onGpu, [](Program &p) { what<Launch>(p, 1).scratch = p.exprs.constant(64); },
     "scratch memory for kernel 'double'"},
    {"PTX for the CPU", samples::staticProgram, [](Program &p) { p.images[0].isa = "ptx-sm_80"; },
     "code for ptx-sm_80 in a program for device cpu"},
    {"CPU's code for a GPU", onGpu, [](Program &p) { p.images[0].isa = "native"; },
     "code for native in a program for device cuda"},
    {"host function on a GPU", [] { return samples::onGpu(samples::nonZeroProgram()); },
     [](Program &p) { p.metadata.clear(); }, "host function 'non_zero' in a program for device cuda"},
};

TEST(CheckProgram, AcceptsTheSamples) {
  for (const auto make :
       {samples::staticProgram, samples::dynamicProgram, samples::gatherProgram, samples::variableProgram,
        samples::loopProgram, samples::branchProgram, samples::nonZeroProgram, samples::twoRankProgram}) {
    const Status status = checkProgram(make());
    EXPECT_TRUE(status.isOk()) << status;
    const Status there = checkProgram(samples::onGpu(make()));
    EXPECT_TRUE(there.isOk()) << there;
  }
}

TEST(CheckProgram, RefusesEachFault) {
  for (const Case &c : cases) {
    Program program = c.make();
    c.spoil(program);
    const Status status = checkProgram(program);
    EXPECT_NE(status.message().find(c.message), std::string::npos) << c.name << ": " << status;
  }
}

} // namespace
