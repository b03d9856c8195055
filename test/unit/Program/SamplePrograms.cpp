// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The sample programs, built by hand as a compiler would.
#include "SamplePrograms.h"

#include "weft/Program/MemoryPlan.h"
#include "weft/Support/File.h"

#include <cstdlib>

namespace weft::program::samples {

Blob kernelImage() {
  Result<std::string> bytes = readFile(WEFT_TEST_KERNELS);
  return bytes.isOk() ? Blob::fromString(*std::move(bytes)) : Blob();
}

Program withKernels() {
  Program program;
  program.producer = "test";
  program.kernels = {{"k_add", "add", "", 3, 1, {}},
                     {"k_double", "double", "", 2, 1, {}},
                     {"k_gather", "gather", "", 3, 2, {"index {found} at {at} is not below {limit}"}},
                     {"k_add_int", "add_int", "", 3, 0, {}},
                     {"k_less", "less", "", 3, 0, {}},
                     {"k_constant", "constant", "", 1, 0, {}}};
  program.images = {{"native", {}, kernelImage()}};
  return program;
}

BufferId addBuffer(Function &function, BufferKind kind, ExprId size, uint32_t index) {
  function.buffers.push_back({kind, index, size, 0, -1});
  return BufferId(function.buffers.size() - 1);
}

static Command launch(const char *name, KernelId kernel, std::vector<BufferId> buffers,
                      std::vector<ExprId> dims, ExprId chunks, ExprId scratch) {
  return {name, concat("sample.mlir:", name),
          Launch{kernel, std::move(buffers), std::move(dims), chunks, scratch, 1}};
}

Program staticProgram() {
  Program program = withKernels();
  ExprTable &e = program.exprs;
  const ExprId n = e.constant(200), bytes = e.constant(800), chunks = e.constant(4), none = e.constant(0);
  Constant c{"c", DType::F32, {200}, {}, {}, 0, {}, {}};
  c.value = *HostTensor::fromValues<float>({200}, std::vector<float>(200, 0.5f));
  program.constants.push_back(c);
  Function main;
  main.name = "main";
  main.inputs = {{"x", DType::F32, {n}}};
  main.outputs = {{"y", DType::F32, {n}}};
  const BufferId x = addBuffer(main, BufferKind::Input, bytes),
                 constant = addBuffer(main, BufferKind::Constant, bytes),
                 sum = addBuffer(main, BufferKind::Arena, bytes),
                 y = addBuffer(main, BufferKind::Output, bytes);
  main.commands = {launch("sum", AddKernel, {x, constant, sum}, {n}, chunks, none),
                   launch("twice", DoubleKernel, {sum, y}, {n}, chunks, e.constant(256))};
  auto &twice = std::get<Launch>(main.commands[1].what);
  twice.flops = n;
  twice.bytes = e.constant(1600);
  main.commands[1].notes = {"not fused with 'sum'"};
  program.functions = {main};
  if (!planStatically(program).isOk())
    std::abort();
  return program;
}

Program dynamicProgram() {
  Program program = withKernels();
  program.symbols = {{"n", 1, 10000, noId}};
  ExprTable &e = program.exprs;
  const ExprId n = e.symbol(0), bytes = e.mul(n, e.constant(4)), chunks = e.ceilDiv(n, e.constant(64)),
               none = e.constant(0), scratch = e.constant(256);
  Function main;
  main.name = "main";
  main.inputs = {{"a", DType::F32, {n}}, {"b", DType::F32, {n}}};
  main.outputs = {{"y", DType::F32, {n}}, {"z", DType::F32, {n}}};
  const BufferId a = addBuffer(main, BufferKind::Input, bytes),
                 b = addBuffer(main, BufferKind::Input, bytes, 1),
                 t0 = addBuffer(main, BufferKind::Arena, bytes),
                 t1 = addBuffer(main, BufferKind::Arena, bytes),
                 y = addBuffer(main, BufferKind::Output, bytes),
                 z = addBuffer(main, BufferKind::Output, bytes, 1);
  main.commands = {launch("t0", AddKernel, {a, b, t0}, {n}, chunks, none),
                   launch("t1", DoubleKernel, {t0, t1}, {n}, chunks, scratch),
                   launch("y", AddKernel, {t1, a, y}, {n}, chunks, none),
                   launch("z", DoubleKernel, {a, z}, {n}, chunks, scratch)};
  program.functions = {main};
  return program;
}

Program gatherProgram() {
  Program program = withKernels();
  program.symbols = {{"n", 0, -1, noId}};
  ExprTable &e = program.exprs;
  const ExprId n = e.symbol(0), four = e.constant(4);
  Function main;
  main.name = "main";
  main.inputs = {{"table", DType::F32, {four}}, {"index", DType::I64, {n}}};
  main.outputs = {{"y", DType::F32, {n}}};
  const BufferId table = addBuffer(main, BufferKind::Input, e.constant(16)),
                 index = addBuffer(main, BufferKind::Input, e.mul(n, e.constant(8)), 1),
                 y = addBuffer(main, BufferKind::Output, e.mul(n, four));
  main.commands = {launch("emb/Gather_3", GatherKernel, {table, index, y}, {n, four},
                          e.ceilDiv(n, e.constant(64)), e.constant(0))};
  program.functions = {main};
  return program;
}

Program variableProgram() {
  Program program = withKernels();
  ExprTable &e = program.exprs;
  const ExprId four = e.constant(4), bytes = e.constant(16), one = e.constant(1), none = e.constant(0);
  program.constants.push_back(
      {"start", DType::F32, {4}, *HostTensor::fromValues<float>({4}, {1, 2, 3, 4}), {}, 0, {}, {}});
  program.variables = {{"total", DType::F32, {4}, 0, false}};
  Function step, reset;
  step.name = "step";
  step.inputs = {{"x", DType::F32, {four}}};
  step.outputs = {{"total", DType::F32, {four}}};
  const BufferId x = addBuffer(step, BufferKind::Input, bytes),
                 total = addBuffer(step, BufferKind::Variable, bytes),
                 out = addBuffer(step, BufferKind::Output, bytes),
                 sum = addBuffer(step, BufferKind::Arena, bytes);
  step.commands = {launch("sum", AddKernel, {total, x, sum}, {four}, one, none),
                   {"assign", "", Copy{total, sum, bytes, noId, noId}},
                   {"result", "", Copy{out, total, bytes, noId, noId}}};
  reset.name = "reset";
  const BufferId variable = addBuffer(reset, BufferKind::Variable, bytes);
  reset.commands = {{"clear", "", Fill{variable, 0x3f800000, 4}}};
  program.functions = {step, reset};
  if (!planStatically(program).isOk())
    std::abort();
  return program;
}

Program loopProgram() {
  Program program = withKernels();
  ExprTable &e = program.exprs;
  const ExprId eight = e.constant(8), one = e.constant(1), none = e.constant(0);
  Function main, cond, body;
  main.name = "main";
  main.inputs = {{"count", DType::I64, {}}, {"limit", DType::I64, {}}, {"step", DType::I64, {}}};
  main.outputs = {{"count", DType::I64, {}}};
  const BufferId count = addBuffer(main, BufferKind::Input, eight),
                 limit = addBuffer(main, BufferKind::Input, eight, 1),
                 step = addBuffer(main, BufferKind::Input, eight, 2),
                 result = addBuffer(main, BufferKind::Output, eight),
                 temporary = addBuffer(main, BufferKind::Arena, eight),
                 flag = addBuffer(main, BufferKind::Arena, one);
  main.commands = {
      {"loop", "sample.mlir:loop", While{1, 2, flag, {count}, {result}, {temporary}, {limit, step}, -1}}};
  cond.name = "cond";
  cond.inputs = {{"count", DType::I64, {}}, {"limit", DType::I64, {}}, {"step", DType::I64, {}}};
  cond.outputs = {{"go", DType::I1, {}}};
  const BufferId c0 = addBuffer(cond, BufferKind::Input, eight),
                 c1 = addBuffer(cond, BufferKind::Input, eight, 1),
                 go = addBuffer(cond, BufferKind::Output, one);
  cond.commands = {launch("less", LessKernel, {c0, c1, go}, {}, one, none)};
  body.name = "body";
  body.inputs = cond.inputs;
  body.outputs = {{"next", DType::I64, {}}};
  const BufferId b0 = addBuffer(body, BufferKind::Input, eight),
                 b2 = addBuffer(body, BufferKind::Input, eight, 2),
                 room = addBuffer(body, BufferKind::Arena, eight),
                 next = addBuffer(body, BufferKind::Output, eight);
  body.commands = {launch("add", AddIntKernel, {b0, b2, room}, {}, one, none),
                   {"out", "", Copy{next, room, eight, noId, noId}}};
  program.functions = {main, cond, body};
  if (!planStatically(program).isOk())
    std::abort();
  return program;
}

Program branchProgram() {
  Program program = withKernels();
  ExprTable &e = program.exprs;
  const ExprId four = e.constant(4), bytes = e.constant(16), one = e.constant(1), none = e.constant(0),
               scratch = e.constant(256);
  Function main, yes, no;
  main.name = "main";
  main.inputs = {{"condition", DType::I1, {}}, {"x", DType::F32, {four}}};
  main.outputs = {{"y", DType::F32, {four}}};
  const BufferId condition = addBuffer(main, BufferKind::Input, one),
                 x = addBuffer(main, BufferKind::Input, bytes, 1),
                 y = addBuffer(main, BufferKind::Output, bytes);
  main.commands = {{"choose", "sample.mlir:if", If{condition, 1, 2, {x}, {y}, -1}}};
  yes.name = "yes";
  yes.inputs = {{"x", DType::F32, {four}}};
  yes.outputs = {{"y", DType::F32, {four}}};
  const BufferId x1 = addBuffer(yes, BufferKind::Input, bytes),
                 y1 = addBuffer(yes, BufferKind::Output, bytes);
  yes.commands = {launch("sum", AddKernel, {x1, x1, y1}, {four}, one, none)};
  no = yes;
  no.name = "no";
  const BufferId t = addBuffer(no, BufferKind::Arena, bytes);
  no.commands = {launch("twice", DoubleKernel, {x1, t}, {four}, one, scratch),
                 launch("sum", AddKernel, {t, x1, y1}, {four}, one, none)};
  program.functions = {main, yes, no};
  return program;
}

Program nonZeroProgram() {
  Program program = withKernels();
  ExprTable &e = program.exprs;
  const ExprId n = e.symbol(0), m = e.symbol(1), one = e.constant(1), four = e.constant(4),
               eight = e.constant(8);
  program.symbols = {{"n", 0, -1, noId}, {"m", 0, -1, n}};
  Function main;
  main.name = "main";
  main.inputs = {{"x", DType::F32, {n}}};
  main.outputs = {{"indices", DType::I64, {m, one}}, {"y", DType::F32, {m}}};
  const BufferId x = addBuffer(main, BufferKind::Input, e.mul(n, four)),
                 all = addBuffer(main, BufferKind::Arena, e.mul(n, eight)),
                 count = addBuffer(main, BufferKind::Arena, eight),
                 indices = addBuffer(main, BufferKind::Output, e.mul(m, eight)),
                 y = addBuffer(main, BufferKind::Output, e.mul(m, four), 1),
                 values = addBuffer(main, BufferKind::Arena, e.mul(m, four));
  Buffer rest{BufferKind::Alias, values, 0, 0, -1}; // an empty tail whose offset depends on data
  rest.size = e.constant(0);
  rest.aliasOffset = e.mul(m, four);
  main.buffers.push_back(rest);
  const auto tail = BufferId(main.buffers.size() - 1);
  main.commands = {
      {"find", "sample.mlir:find",
       Host{"non_zero",
            {{x, DType::F32, {n}, false}, {all, DType::I64, {n, one}, true}, {count, DType::I64, {}, true}},
            {}}},
      {"count", "", SetSymbol{1, count}},
      {"indices", "", Copy{indices, all, e.mul(m, eight), noId, noId}},
      launch("values", GatherKernel, {x, all, values}, {m, n}, e.ceilDiv(m, e.constant(64)), e.constant(0)),
      {"tail", "", Fill{tail, 0, 1}},
      launch("twice", DoubleKernel, {values, y}, {m}, e.ceilDiv(m, e.constant(64)), e.constant(256))};
  program.functions = {main};
  return program;
}

Program meshProgram(std::vector<MeshAxis> mesh) {
  Program program = withKernels();
  program.mesh = std::move(mesh);
  program.numRanks = 1;
  for (const MeshAxis &axis : program.mesh)
    program.numRanks *= axis.size;
  const uint32_t ranks = program.numRanks;
  program.groups.resize(1);
  program.groups[0].resize(1);
  program.routes.resize(2); // to the next rank, from the one before
  for (uint32_t rank = 0; rank < ranks; ++rank) {
    program.groups[0][0].push_back(rank);
    program.routes[0].push_back(ranks == 1 ? noId : (rank + 1) % ranks);
    program.routes[1].push_back(ranks == 1 ? noId : (rank + ranks - 1) % ranks);
  }
  ExprTable &e = program.exprs;
  const auto axes = uint32_t(program.mesh.size());
  const ExprId eight = e.constant(8), bytes = e.constant(32), all = e.constant(8 * ranks),
               allBytes = e.constant(32 * ranks), part = e.constant(8 / ranks),
               partBytes = e.constant(32 / ranks), where = e.constant(axes);
  Function main;
  main.name = "main";
  main.inputs = {{"x", DType::F32, {eight}}};
  main.outputs = {{"sum", DType::F32, {eight}},
                  {"all", DType::F32, {all}},
                  {"part", DType::F32, {part}},
                  {"shifted", DType::F32, {eight}},
                  {"where", DType::I64, {where}}};
  const BufferId x = addBuffer(main, BufferKind::Input, bytes),
                 outSum = addBuffer(main, BufferKind::Output, bytes),
                 outAll = addBuffer(main, BufferKind::Output, allBytes, 1),
                 outPart = addBuffer(main, BufferKind::Output, partBytes, 2),
                 outShifted = addBuffer(main, BufferKind::Output, bytes, 3),
                 outWhere = addBuffer(main, BufferKind::Output, e.constant(8 * axes), 4),
                 sum = addBuffer(main, BufferKind::Arena, bytes);
  main.commands = {
      {"sum", "mesh.mlir:sum",
       CollectiveStart{Collective::AllReduce, Combine::Sum, DType::F32, 0, 0, x, sum, eight}},
      {"all", "mesh.mlir:all",
       CollectiveStart{Collective::AllGather, Combine::Sum, DType::F32, 0, 1, x, outAll, eight}},
      {"part", "mesh.mlir:part",
       CollectiveStart{Collective::ReduceScatter, Combine::Prod, DType::F32, 0, 2, x, outPart, eight}}};
  if (ranks > 1) {
    main.commands.push_back({"to the next", "mesh.mlir:shift", Send{3, 0, x, bytes}});
    main.commands.push_back({"from the last", "mesh.mlir:shift", Recv{3, 1, outShifted, bytes}});
    main.commands.push_back({"shifted", "mesh.mlir:shift", Wait{3}});
  } else {
    main.commands.push_back({"shifted", "mesh.mlir:shift", Copy{outShifted, x, bytes, noId, noId}});
  }
  for (uint32_t axis = 0; axis < axes; ++axis) {
    main.buffers.push_back({BufferKind::Alias, outWhere, eight, e.constant(8 * axis), -1});
    main.commands.push_back(
        {"where", "mesh.mlir:where", MeshCoordinate{axis, BufferId(main.buffers.size() - 1)}});
  }
  for (const uint32_t channel : {2, 0, 1})
    main.commands.push_back({concat("wait ", channel), "mesh.mlir:wait", Wait{channel}});
  main.commands.push_back({"result", "mesh.mlir:result", Copy{outSum, sum, bytes, noId, noId}});
  program.functions = {main};
  if (!planStatically(program).isOk())
    std::abort();
  return program;
}

Program twoRankProgram() { return meshProgram({{"data", 2}}); }

Program onGpu(Program program) {
  program.device = device::cuda;
  program.metadata.emplace_back("allow_fallback", "yes");
  std::string ptx = ".version 8.0\n.target sm_80\n.address_size 64\n";
  for (Kernel &kernel : program.kernels) {
    kernel.threads = 128;
    kernel.sharedBytes = 1024;
    ptx += ".visible .entry " + kernel.symbol + "()\n{\n  ret;\n}\n";
  }
  for (Function &function : program.functions)
    for (Command &command : function.commands)
      if (auto *launch = std::get_if<Launch>(&command.what))
        launch->scratch = program.exprs.constant(0);
  program.images = {{"ptx-sm_80", {"sm_80"}, Blob::fromString(ptx)}};
  return program;
}

} // namespace weft::program::samples
