// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// weft partition: how a model would be split over workers, without compiling it.
#include "Commands.h"

#include "weft/Program/MeshSpec.h"
#include "weft/Support/File.h"

#include <cstdio>

using namespace weft;
using namespace weft::driver;

void PartitionFlags::add(CLI::App &command, bool isRequired) {
  const char *group = "Partitioning";
  CLI::Option *option = command.add_option("--mesh", mesh, "Workers along named axes: data:2,model:2")
                            ->type_name("MESH")
                            ->group(group);
  if (isRequired)
    option->required();
  command.add_option("--shard", shards, "NAME=SPEC, per dimension AXIS (AXIS+AXIS), _ (whole) or ? (open)")
      ->type_name("SHARD")
      ->allow_extra_args(false)
      ->needs(option)
      ->group(group);
  command.add_option("--stages", stages, "Pipeline stages; the mesh is that of one stage")
      ->type_name("N")
      ->check(CLI::Range(1, 1024))
      ->needs(option)
      ->group(group);
  command.add_option("--cut", cuts, "NODE: a stage begins at this node; without, stages of equal cost")
      ->type_name("NODE")
      ->allow_extra_args(false)
      ->needs(option)
      ->group(group);
  command
      .add_option("--rank-target", rankTargets, "RANK=TARGET or FIRST-LAST=TARGET: ranks with another target")
      ->type_name("RANK")
      ->allow_extra_args(false)
      ->needs(option)
      ->group(group);
}

Status PartitionFlags::finish(CompileOptions &options) const {
  if (mesh.empty())
    return Status::ok();
  WEFT_ASSIGN_OR_RETURN(const std::vector<program::MeshAxis> axes, program::parseMesh(mesh));
  for (const std::string &shard : shards)
    WEFT_RETURN_IF_ERROR(program::parseShard(shard, axes).status());
  if (!cuts.empty() && stages != 1 && stages != int(cuts.size()) + 1)
    return invalidArgument("--stages=", stages, " with ", cuts.size(), " of --cut, which make ",
                           cuts.size() + 1);
  for (const std::string &target : rankTargets)
    WEFT_RETURN_IF_ERROR(program::parseRankTarget(target).status().context("--rank-target"));
  options.rankTargets = rankTargets;
  options.cuts = cuts;
  options.mesh = mesh;
  options.shards = shards;
  options.stages = stages;
  return Status::ok();
}

namespace {
struct PartitionCommand {
  CompileFlags flags;
  PartitionFlags partition;
  std::string model, dump, svg;
  bool explain = false;

  int run() {
    flags.finish(model);
    if (Status status = partition.finish(flags.options); !status.isOk())
      return failUsage(status);
    flags.options.emit = "explain";
    flags.options.explain = explain;
    flags.options.dumpDir = dump;
    flags.options.svgFile = svg;
    Result<std::string> text = compileToBytes(model, flags.options);
    flags.tellHidden();
    if (!text.isOk())
      return text.status().code() == Code::NotFound ? failUsage(text.status()) : fail(text.status());
    if (Status status = writeStdout(*text); !status.isOk())
      return fail(status);
    return 0;
  }
};
} // namespace

void weft::driver::addPartition(CLI::App &app, int &exitCode) {
  CLI::App *command = app.add_subcommand("partition", "Show how a model is split over workers");
  auto state = std::make_shared<PartitionCommand>();
  command->add_option("model", state->model, "The model: .onnx or .mlir")->required()->type_name("");
  state->partition.add(*command, true);
  command
      ->add_flag("--explain", state->explain,
                 "Say for each transfer why it is there, and list each role's ops")
      ->group("Partitioning");
  command->add_option("--dump", state->dump, "Write the graph with its transfers, and a module for each role")
      ->type_name("DIR")
      ->group("Partitioning");
  command->add_option("--svg", state->svg, "Draw roles and transfers")
      ->type_name("FILE")
      ->group("Partitioning");
  state->flags.add(*command, false);
  command->footer("Examples:\n"
                  "  weft partition model.onnx --mesh=data:2,model:2 --explain\n"
                  "  weft partition model.onnx --mesh=data:2 --stages=2 --svg=model.svg\n"
                  "  weft partition model.onnx --mesh=model:2 --shard=w=_,model --dump=roles");
  command->callback([state, &exitCode] { exitCode = state->run(); });
}
