// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The partition stage, and the job it ends in; see Partition.h.
#include "Partition.h"

#include "TravelLayouts.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "weft/Dialect/Dist/DistDialect.h"
#include "weft/Dialect/Weft/Constants.h"
#include "weft/Partition/Partition.h"
#include "weft/Program/Job.h"

using namespace mlir;
using namespace weft;

namespace {

class Partitioner {
public:
  Partitioner(ModuleOp module, const CompileOptions &options)
      : module(module), options(options), wanted(*options.partition) {}

  LogicalResult run() {
    if (failed(checkExtents()) || failed(checkRankTargets()))
      return failure();
    dist::setMesh(module, wanted.mesh);
    std::optional<std::string> wrong = dist::annotate(module, wanted.shards);
    if (!wrong && !wanted.cuts.empty())
      wrong = dist::labelStages(module, wanted.cuts);
    if (wrong) {
      if (options.wrongUse)
        options.wrongUse();
      return fail(options.path + ": " + *wrong);
    }
    if (failed(runPasses(
            module, [&](OpPassManager &passes) { buildPlaceStage(passes, options.stages, wanted.stages); })))
      return failure();
    if (failed(assignTravelLayouts(module, options.stages,
                                   [&](ModuleOp on, auto build) { return runPasses(on, build); })))
      return failure();
    OwningOpRef<ModuleOp> graph = module.clone();
    if (failed(runPasses(module, buildSplitStage)) || failed(dumpRoles(*graph)) || failed(draw(*graph)))
      return failure();
    if (options.emit == "explain")
      return write(dist::describePartition(*graph, module, wanted.explain));
    if (failed(runPasses(module, buildCollectivesStage)))
      return failure();
    return compileRoles();
  }

private:
  LogicalResult fail(const Twine &message) {
    return emitError(UnknownLoc::get(module.getContext())) << message;
  }

  /// Parts of a job have extents that are numbers.
  LogicalResult checkExtents() {
    auto main = module.lookupSymbol<func::FuncOp>("main");
    if (!main)
      return success(); // the passes have the message
    std::string names, flags;
    for (unsigned i = 0; i < main.getNumArguments(); ++i) {
      auto type = dyn_cast<RankedTensorType>(main.getArgumentTypes()[i]);
      if (!type || type.hasStaticShape())
        continue;
      auto own = main.getArgAttrOfType<StringAttr>(i, "weft.name");
      std::string name = own ? own.str() : "input" + std::to_string(i), shape;
      for (int64_t extent : type.getShape())
        shape += (shape.empty() ? "" : "x") + std::to_string(ShapedType::isDynamic(extent) ? 8 : extent);
      names += (names.empty() ? "'" : ", '") + name + "'";
      flags += " --shape=" + name + "=" + shape;
    }
    if (names.empty())
      return success();
    return fail(options.path + ": the extents of " + names +
                " are not all numbers, as those of a split model must be; "
                "add" +
                flags + " (or others)");
  }

  LogicalResult runPasses(ModuleOp on, llvm::function_ref<void(OpPassManager &)> build) {
    PassManager passes(on.getContext());
    passes.enableVerifier(options.verify);
    if (!options.reproducer.empty())
      passes.enableCrashReproducerGeneration(options.reproducer);
    build(passes);
    return passes.run(on);
  }

  LogicalResult write(llvm::StringRef text) {
    Status status =
        options.output ? options.output(std::as_bytes(std::span(text.data(), text.size()))) : Status::ok();
    return status.isOk() ? success() : fail(status.message());
  }

  LogicalResult writeFile(const std::string &path, llvm::StringRef text) {
    Status status = writeFileAtomically(path, text.str());
    return status.isOk() ? success() : fail(status.message());
  }

  /// The graph with its moves, and a module per role.
  LogicalResult dumpRoles(ModuleOp graph) {
    if (options.dumpDir.empty())
      return success();
    if (Status status = createDirectories(options.dumpDir); !status.isOk())
      return fail(status.message());
    auto dump = [&](llvm::StringRef name, ModuleOp what) {
      std::string text;
      llvm::raw_string_ostream os(text);
      what->print(os, OpPrintingFlags().elideLargeElementsAttrs(16));
      return writeFile(options.dumpDir + "/" + name.str() + ".mlir", text + "\n");
    };
    if (failed(dump("graph", graph)))
      return failure();
    for (auto role : module.getOps<ModuleOp>()) {
      OwningOpRef<ModuleOp> alone = detached(role);
      if (failed(dump(*role.getSymName(), *alone)))
        return failure();
    }
    return success();
  }

  LogicalResult draw(ModuleOp graph) {
    return wanted.svgFile.empty() ? success() : writeFile(wanted.svgFile, dist::drawPartition(graph, module));
  }

  /// A role as a module of its own, which knows its mesh and how many stages there are.
  OwningOpRef<ModuleOp> detached(ModuleOp role) {
    OwningOpRef<ModuleOp> alone = role.clone();
    for (StringRef name : {dist::DistDialect::getMeshAttrName(), dist::DistDialect::getStagesAttrName()})
      (*alone)->setAttr(name, module->getAttr(name));
    return alone;
  }

  /// An argument or result of a role's @main as a value of the whole model.
  static program::JobValue describe(DictionaryAttr attrs, uint32_t role, dist::MeshAttr mesh,
                                    bool hasStages) {
    auto whole = cast<RankedTensorType>(attrs.getAs<TypeAttr>("dist.whole").getValue());
    auto sharding =
        dist::Sharding::get(attrs.getAs<dist::ShardingAttr>(dist::DistDialect::getShardingAttrName()), mesh);
    program::JobValue value;
    value.name = attrs.getAs<StringAttr>("weft.name").str();
    value.dtype = ir::toDType(whole.getElementType());
    value.dims.assign(whole.getShape().begin(), whole.getShape().end());
    for (const dist::Axes &axes : sharding.dims) {
      auto &dim = value.sharding.dims.emplace_back();
      for (int axis : axes)
        dim.push_back(uint32_t(axis) + hasStages); // the axis of stages comes first
    }
    value.role = role;
    return value;
  }

  /// By rank; empty: that of all.
  std::vector<std::string> targetsOfRanks(uint32_t numRanks) const {
    std::vector<std::string> targets(numRanks);
    for (const program::RankTarget &other : wanted.rankTargets)
      std::fill(targets.begin() + other.first, targets.begin() + other.last + 1, other.target);
    return targets;
  }

  LogicalResult checkRankTargets() {
    int64_t numRanks = wanted.stages;
    for (const program::MeshAxis &axis : wanted.mesh)
      numRanks *= axis.size;
    for (const program::RankTarget &other : wanted.rankTargets)
      if (other.last >= numRanks) {
        if (options.wrongUse)
          options.wrongUse();
        return fail(options.path + ": found a target for rank " + Twine(other.last) + " ('" + other.target +
                    "'), the job has " + Twine(numRanks) + " ranks, counted from 0");
      }
    return success();
  }

  /// The program of a role; `target` empty: for the target of the whole job.
  FailureOr<std::string> compileRole(ModuleOp role, const std::string &name, const std::string &target) {
    std::string bytes;
    OwningOpRef<ModuleOp> alone = detached(role);
    CompileOptions own = options;
    own.partition.reset();
    own.import = {}; // extents are numbers now
    own.input = InputKind::Graph;
    own.from = Stage::Import;
    own.dumpDir = options.dumpDir.empty() ? "" : options.dumpDir + "/" + name;
    // Roles share the time to tune; a kernel of several is tuned for the first.
    if (own.tuneSeconds > 0)
      own.tuneSeconds /= double(llvm::range_size(module.getOps<ModuleOp>()));
    if (!target.empty()) {
      own.target = *program::parseTarget(target); // was parsed before
      own.stages.forGpu = own.target.isForGpu();
    }
    own.output = [&](std::span<const std::byte> piece) {
      bytes.append(reinterpret_cast<const char *>(piece.data()), piece.size());
      return Status::ok();
    };
    if (failed(compile(*module.getContext(), own, *alone)))
      return failure();
    return bytes;
  }

  LogicalResult compileRoles() {
    program::Job job;
    dist::MeshAttr mesh = dist::getMesh(module);
    SmallVector<ModuleOp> roles(module.getOps<ModuleOp>());
    bool hasStages = roles.size() > 1;
    if (hasStages)
      job.mesh.push_back({"stage", uint32_t(roles.size())});
    for (const program::MeshAxis &axis : wanted.mesh)
      job.mesh.push_back(axis);
    job.numRanks = uint32_t(mesh.getNumWorkers() * roles.size());
    const std::vector<std::string> targets = targetsOfRanks(job.numRanks);
    for (ModuleOp role : roles) {
      const auto first = uint32_t(job.roles.size()); // the stage's role; its variants follow
      auto main = role.lookupSymbol<func::FuncOp>("main");
      for (unsigned i = 0; i < main.getNumArguments(); ++i)
        job.inputs.push_back(describe(main.getArgAttrDict(i), first, mesh, hasStages));
      for (unsigned i = 0; i < main.getNumResults(); ++i)
        job.outputs.push_back(describe(main.getResultAttrDict(i), first, mesh, hasStages));
      llvm::StringMap<uint32_t> roleOfTarget;
      for (int64_t worker = 0; worker < mesh.getNumWorkers(); ++worker) {
        const std::string &target = targets[job.roleOfRank.size()];
        const auto [known, isNew] = roleOfTarget.try_emplace(target, uint32_t(job.roles.size()));
        job.roleOfRank.push_back(known->second);
        if (!isNew)
          continue;
        std::string name = role.getSymName()->str();
        if (known->second != first)
          name += "." + target;
        FailureOr<std::string> bytes = compileRole(role, name, target);
        if (failed(bytes))
          return failure();
        job.roles.push_back({name,
                             program::Blob::fromString(std::move(*bytes)),
                             {},
                             known->second == first ? program::noId : first});
      }
    }
    Status status = program::writeJob(job, [&](std::span<const std::byte> bytes) {
      return options.output ? options.output(bytes) : Status::ok();
    });
    return status.isOk() ? success() : fail(status.message());
  }

  ModuleOp module;
  const CompileOptions &options;
  const PartitionOptions &wanted;
};

} // namespace

LogicalResult weft::partitionAndCompile(ModuleOp module, const CompileOptions &options) {
  return Partitioner(module, options).run();
}
