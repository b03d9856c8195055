// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Groups ops into kernels. Stage: host. Groups grow in the order of the block: an op joins the group of a
// producer whose results nobody outside the pair reads, so no group can ever wait for itself. Then what
// several groups read is computed again in each of them where that takes less time than storing it
// (FusionCost.h): they wait for no more than they did. The location of a launch says what was fused and why
// the rest was not. Before and after: Passes.td.
#include "FusionCost.h"
#include "FusionNotes.h"
#include "LeaveToHost.h"
#include "weft/Codegen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "weft/Dialect/EraseUnused.h"
#include "weft/Dialect/Host/HostDialect.h"
#include "weft/Dialect/Weft/WeftOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "weft/Codegen/Passes.h.inc"

namespace {

/// What an op is to a kernel.
enum class Role {
  Host,        // stays in the function: constants, views, control flow, calls
  Elementwise, // joins anything of its shape
  Injective,   // each result element is computed from a few operand elements: a prologue, or a kernel of its
               // own
  Reduction,   // a root that takes a prologue and an epilogue
  Contraction, // a root that takes an epilogue
  Check,       // an assertion that tells what it found: a root that takes a prologue and gives nothing
  Alone,       // a kernel of its own
};

Role roleOf(Operation *op) {
  if (op->hasTrait<ir::Elementwise>())
    return Role::Elementwise;
  return llvm::TypeSwitch<Operation *, Role>(op)
      .Case<BroadcastOp, TransposeOp, ReverseOp, IotaOp, RandomBitsOp>([](auto) { return Role::Injective; })
      .Case<QuantizeOp, DequantizeOp>([](auto) { return Role::Injective; })
      .Case<ReduceOp, ArgReduceOp, SoftmaxOp, NormalizeOp>([](auto) { return Role::Reduction; })
      .Case<ReduceWindowOp>([](auto) { return Role::Contraction; })
      .Case<DotGeneralOp, ConvOp>([](auto) { return Role::Contraction; })
      .Case<AssertOp>([](AssertOp check) { return check.getFound() ? Role::Check : Role::Host; })
      .Case<SliceOp, UpdateSliceOp, ConcatOp, PadOp, GatherOp, ScatterOp, CumulativeOp, WindowArgOp,
            WindowScatterOp, ResampleOp, BitcastConvertOp, AttentionOp>([](auto) { return Role::Alone; })
      .Default([](auto) { return Role::Host; });
}

/// Whether a constant is cloned into the kernels that read it instead of being an argument.
bool isInlined(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  return constant && getSplat(constant.getValue()) && !isa<DataAttr>(constant.getValue());
}

/// Whether the value is arithmetic on extents: cloned into kernels that need it as a size.
bool isShapeArithmetic(Value value) {
  Operation *op = value.getDefiningOp();
  return op && isa<DimOp, NameExtentOp, AddOp, SubOp, MulOp, DivOp, ConstantOp>(op) &&
         cast<RankedTensorType>(value.getType()).getRank() == 0 && !getDimOf(value).isUnknown();
}

/// Whether an op that stays in the function reads the element of the value (sizes of a view are in its type).
bool isHostRead(OpOperand &use) {
  Operation *user = use.getOwner();
  if (isa<ReshapeOp>(user))
    return use.getOperandNumber() == 0;
  if (auto check = dyn_cast<AssertOp>(user))
    return !check.getFound();
  return isa<func::ReturnOp, YieldOp, IfOp, WhileOp, PrintOp, WriteOp, host::CallOp, NameExtentOp>(user);
}
bool isReadByHost(Value value) { return llvm::any_of(value.getUses(), isHostRead); }

/// Ops that run as one kernel.
struct Group {
  llvm::SetVector<Operation *> ops; // in the order of the block once finished
  Operation *root = nullptr;        // the contraction or reduction, if there is one
  bool open = true;                 // whether an epilogue may join

  SmallVector<Operation *> sorted() const {
    SmallVector<Operation *> list(ops.begin(), ops.end());
    llvm::sort(list, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    return list;
  }
};

/// The kernels of one block.
class BlockOutliner {
public:
  BlockOutliner(Block &block, SymbolTable &symbols, const FusionCost &cost, bool attentionInPlace)
      : block(block), symbols(symbols), attentionInPlace(attentionInPlace), cost(cost) {}

  void run() {
    for (Operation &op : block)
      place(&op);
    for (size_t i = 0; i < groups.size(); ++i)
      if (!groups[i]->ops.empty() && !groups[i]->root)
        storeOrComputeAgain(groups[i].get());
    for (const std::unique_ptr<Group> &group : groups)
      notes[group.get()] = explain(group.get());
    SmallVector<Operation *> ops;
    for (Operation &op : block)
      ops.push_back(&op);
    // A group is outlined at its last op: everything it reads stands before.
    for (Operation *op : ops) {
      auto entry = groupOf.find(op);
      if (entry == groupOf.end())
        continue;
      Group *group = entry->second;
      if (lastOf(group) == op)
        outline(group);
    }
    // Users come after, so what is dead is found backwards.
    for (Operation *op : llvm::reverse(outlined))
      if (op->use_empty())
        op->erase();
  }

private:
  void place(Operation *op) {
    Role role = roleOf(op);
    // Arithmetic on extents is cloned into the kernels that need it; the host has none, so what it reads
    // itself is a kernel's result.
    if (op->getNumResults() == 1 && isShapeArithmetic(op->getResult(0))) {
      if (isa<ConstantOp, NameExtentOp>(op) || !isReadByHost(op->getResult(0)))
        return;
      role = Role::Injective;
    }
    if (role == Role::Host)
      return;
    groups.push_back(std::make_unique<Group>());
    Group *group = groups.back().get();
    group->ops.insert(op);
    if (role == Role::Reduction || role == Role::Contraction || role == Role::Check)
      group->root = op;
    if (role == Role::Alone || role == Role::Injective || role == Role::Check)
      group->open = role == Role::Injective;
    groupOf[op] = group;
    if (attentionInPlace)
      joinAttention(op, group);
    if (role != Role::Elementwise && role != Role::Reduction && role != Role::Check)
      return;
    // What joins may be all that kept another producer out: both arms of x * logistic(x) read x.
    while (Group *producer = findProducer(group, op, role))
      group = merge(producer, group);
  }

  /// Attention takes in what moves its operands, and is joined by what moves its result.
  void joinAttention(Operation *op, Group *group) {
    if (auto attention = dyn_cast<AttentionOp>(op)) {
      group->root = op;
      for (Value operand : {attention.getQ(), attention.getK(), attention.getV()})
        for (Operation *mover : findAttentionPlace(operand).ops)
          merge(groupOf[mover], group);
    } else if (auto attention =
                   op->getNumOperands() ? op->getOperand(0).getDefiningOp<AttentionOp>() : nullptr;
               attention && transposedAttentionResult(attention) == op) {
      merge(groupOf[attention], group)->open = false;
    }
  }

  /// A group that `group` reads from and may take in.
  Group *findProducer(Group *group, Operation *op, Role role) {
    for (Operation *member : group->ops)
      for (Value operand : member->getOperands())
        if (Operation *producer = operand.getDefiningOp())
          if (auto entry = groupOf.find(producer); entry != groupOf.end() && entry->second != group)
            if (!refuse(entry->second, group, role))
              return entry->second;
    return nullptr;
  }

  /// Why `producer` may not become part of the group of an op that is of `role` to it; null when it may.
  const char *refuse(Group *producer, Group *consumer, Role role) {
    if (const char *reason = misfit(producer, consumer, role))
      return reason;
    for (Operation *member : producer->ops)
      for (Operation *user : member->getUsers())
        if (!producer->ops.contains(user) && !consumer->ops.contains(user))
          return readByOthers;
    if (!producer->root) {
      FusionVerdict verdict = cost.weigh(producer->ops.getArrayRef(), consumer->ops.getArrayRef());
      if (verdict.isStored()) {
        reasons[producer] = "it would be computed for each element that it is stretched to; " + verdict.str();
        return stretched;
      }
    }
    return nullptr;
  }

  /// Why ops like those of `producer` have no place in the kernel of `consumer`, whoever else reads them.
  const char *misfit(Group *producer, Group *consumer, Role role) {
    static constexpr const char *shape = "its shape is not that of the root's result",
                                *generator =
                                    "the root's generator takes numbers like its own, and operands of its "
                                    "result's shape or one row or column of it";
    if (!producer->open)
      return "nothing joins a kernel of its kind";
    if (producer->root && consumer->root)
      return "both have a root, a kernel has one";
    if (role == Role::Elementwise && consumer->root && !isEpilogueOf(producer->ops, consumer->root))
      return shape;
    if (consumer->root && isa<ConvOp, DotGeneralOp>(consumer->root))
      for (Operation *member : producer->ops) {
        if (llvm::is_contained(member->getUsers(), consumer->root))
          return "the root's generator takes nothing before it";
        if (!fitsGenerator(consumer->root, member))
          return generator;
      }
    if (producer->root) {
      // An epilogue runs where the root's result is at hand: it has the root's shape.
      if (role != Role::Elementwise || !isEpilogueOf(consumer->ops, producer->root))
        return shape;
      if (isa<ConvOp, DotGeneralOp>(producer->root) && !llvm::all_of(consumer->ops, [&](Operation *member) {
            return fitsGenerator(producer->root, member);
          }))
        return generator;
    }
    if (consumer->ops.size() + producer->ops.size() > maxOps)
      return "together they would be too many ops for the registers";
    return nullptr;
  }

  /// Puts the ops of a group into each group that reads what it computes, when that is cheaper than storing
  /// it.
  void storeOrComputeAgain(Group *producer) {
    llvm::SetVector<Group *> readers;
    if (std::string reason = keepsStored(producer, readers); !reason.empty()) {
      reasons[producer] = reason;
      return;
    }
    if (readers.empty())
      return;
    FusionVerdict verdict =
        cost.weigh(producer->ops.getArrayRef(),
                   llvm::map_to_vector(readers, [](Group *reader) { return reader->ops.getArrayRef(); }));
    if (verdict.isStored()) {
      if (readers.size() > 1)
        reasons[producer] = "stored for " + std::to_string(readers.size()) + " readers: " + verdict.str();
      return;
    }
    SmallVector<Operation *> ops = producer->sorted();
    for (Group *reader : readers) {
      IRMapping mapping;
      for (Operation *op : ops) {
        // Next to the original: the last op of the reader stays its last.
        Operation *again = OpBuilder(op).clone(*op, mapping);
        op->replaceUsesWithIf(again->getResults(),
                              [&](OpOperand &use) { return reader->ops.contains(use.getOwner()); });
        reader->ops.insert(again);
        groupOf[again] = reader;
        if (auto told = computedAgain.find(op); told != computedAgain.end())
          computedAgain[again] = std::string(told->second);
        if (op == ops.back() && readers.size() > 1)
          computedAgain[again] =
              "by each of " + std::to_string(readers.size()) + " readers instead of stored: " + verdict.str();
      }
    }
    for (Operation *op : llvm::reverse(ops)) {
      groupOf.erase(op);
      computedAgain.erase(op);
      op->erase();
    }
    producer->ops.clear();
  }

  /// Why what a group computes has to be in memory; empty when its `readers` could all compute it again.
  std::string keepsStored(Group *producer, llvm::SetVector<Group *> &readers) {
    for (Operation *op : producer->ops) {
      if (isa<RandomBitsOp>(op))
        return "random bits are drawn once";
      if (!op->hasTrait<ir::Elementwise>() && !isa<BroadcastOp, IotaOp, QuantizeOp, DequantizeOp>(op))
        return "it is read against the order of memory";
      // Inside a kernel they may stay in f32.
      auto type = dyn_cast<FloatType>(getElementTypeOrSelf(op->getResult(0)));
      if (type && type.getWidth() < 32 && !isa<BroadcastOp>(op))
        return "floats of " + std::to_string(type.getWidth()) + " bits are rounded where they are stored";
    }
    for (Operation *op : producer->ops)
      for (Operation *user : op->getUsers()) {
        if (producer->ops.contains(user))
          continue;
        auto entry = groupOf.find(user);
        if (entry == groupOf.end())
          return user->getName().stripDialect().str() + " reads it from memory";
        Group *reader = entry->second;
        Role role = roleIn(reader, user);
        if (role != Role::Elementwise && role != Role::Reduction && role != Role::Check)
          return user->getName().stripDialect().str() + " takes nothing before it";
        if (const char *reason = misfit(producer, reader, role))
          return "with " + describe(user) + ", " + reason;
        if (!keepsSums(producer, reader))
          return "in its kernel " + reader->root->getName().stripDialect().str() +
                 " would add in another order";
        readers.insert(reader);
      }
    return {};
  }

  /// Whether a reduction of floats goes through its elements as before when it computes them: its loops
  /// depend on what they load, and how many sums LLVM keeps on what they compute.
  bool keepsSums(Group *producer, Group *reader) {
    if (!reader->root || roleOf(reader->root) != Role::Reduction ||
        !isa<FloatType>(getElementTypeOrSelf(reader->root->getOperand(0))))
      return true;
    constexpr size_t fewOps = 8;
    constexpr double cheap = 2;
    SmallVector<Dim> dims = getDims(reader->root->getOperand(0));
    if (producer->ops.size() > fewOps || llvm::any_of(producer->ops, [&](Operation *op) {
          return getDims(op->getResult(0)) == dims && operationsOf(op) > cheap;
        }))
      return false;
    int64_t whole = 0, smaller = 0;
    for (Group *group : {producer, reader})
      for (Operation *op : group->ops)
        for (Value operand : op->getOperands())
          if (!producer->ops.contains(operand.getDefiningOp()) &&
              !reader->ops.contains(operand.getDefiningOp()) && !isInlined(operand))
            (getDims(operand) == dims ? whole : smaller) += 1;
    auto reduce = dyn_cast<ReduceOp>(reader->root);
    return smaller == 0 || (reduce && reduce.getAxes().size() == 1 && smaller <= whole);
  }

  /// What a group takes for its member `op`: a prologue where its root waits for it.
  static Role roleIn(Group *group, Operation *op) {
    Role own = roleOf(op);
    return own == Role::Elementwise && leadsToRoot(op, group) ? roleOf(group->root) : own;
  }

  /// Whether the root of a group waits for `op`, or is it.
  static bool leadsToRoot(Operation *op, Group *group) {
    llvm::SetVector<Operation *> after;
    after.insert(op);
    for (size_t i = 0; i < after.size(); ++i)
      for (Operation *user : after[i]->getUsers())
        if (group->ops.contains(user))
          after.insert(user);
    return after.contains(group->root);
  }

  /// What to tell of a group: the values that it keeps to itself, and those that it reads from another
  /// kernel's memory, with the reason. While groups are still those of the block.
  ArrayAttr explain(Group *group) {
    Builder builder(block.getParentOp()->getContext());
    SmallVector<Attribute> notes;
    auto note = [&](const std::string &text) { notes.push_back(builder.getStringAttr(text)); };
    llvm::SmallPtrSet<Value, 8> seen;
    for (Operation *op : group->sorted()) {
      if (auto again = computedAgain.find(op); again != computedAgain.end())
        note("computed " + describe(op) + " " + again->second);
      for (Value result : op->getResults())
        if (!computedAgain.contains(op) && !result.use_empty() &&
            llvm::all_of(result.getUsers(), [&](Operation *user) { return group->ops.contains(user); }))
          note("fused " + describe(op) + " into " + describe(*result.getUsers().begin()) + ": " +
               sizeOf(result) + " neither written nor read");
      for (Value operand : op->getOperands()) {
        Operation *producer = operand.getDefiningOp();
        while (isa_and_present<ReshapeOp, CastShapeOp>(producer))
          producer = producer->getOperand(0).getDefiningOp();
        auto entry = producer ? groupOf.find(producer) : groupOf.end();
        if (entry == groupOf.end() || entry->second == group || !seen.insert(operand).second)
          continue;
        note("not fused with " + describe(producer) + ", " + sizeOf(operand) + ": " +
             (producer == operand.getDefiningOp() ? reasonAgainst(entry->second, group, op, operand)
                                                  : "a reshape lies between"));
      }
    }
    return builder.getArrayAttr(notes);
  }

  std::string reasonAgainst(Group *producer, Group *consumer, Operation *op, Value operand) {
    Role role = roleIn(consumer, op);
    if (role == Role::Contraction)
      role = roleOf(op);
    if (role != Role::Elementwise && role != Role::Reduction && role != Role::Check)
      return op->getName().stripDialect().str() + " takes nothing before it";
    const char *reason = refuse(producer, consumer, role);
    if (!reason)
      return "the two were apart when they were looked at";
    std::string told = reasons.lookup(producer);
    if (reason == stretched)
      return told;
    if (reason != readByOthers)
      return reason;
    if (StringRef(told).starts_with("stored for"))
      return told;
    std::string text = reason;
    if (!told.empty())
      text += "; " + told;
    else
      for (Operation *user : operand.getUsers())
        if (!consumer->ops.contains(user)) {
          text += ", " + describe(user);
          break;
        }
    return text + "; computing it again takes " + arithmeticOf(producer->ops.getArrayRef());
  }

  static constexpr const char *readByOthers = "others read it, too", *stretched = "";

  /// Whether all ops are elementwise and of the shape of the root's first result. A check has no result.
  static bool isEpilogueOf(const llvm::SetVector<Operation *> &ops, Operation *root) {
    if (root->getNumResults() == 0)
      return false;
    auto wanted = getDims(root->getResult(0).getType());
    return llvm::all_of(ops, [&](Operation *op) {
      if (roleOf(op) != Role::Elementwise)
        return false;
      auto dims = getDims(op->getResult(0).getType());
      return dims.size() == wanted.size() && llvm::all_of(llvm::zip(dims, wanted), [](auto pair) {
               return std::get<0>(pair) == std::get<1>(pair);
             });
    });
  }

  /// Whether elements of a type can be computed behind `root`: floats, and integers behind a product of
  /// bytes.
  static bool isEpilogueType(Operation *root, Type type) {
    Type sums = getElementTypeOrSelf(root->getResult(0));
    if (isa<FloatType>(sums))
      return isa<FloatType>(type) && !sums.isF64();
    auto dot = dyn_cast<DotGeneralOp>(root);
    unsigned width = type.getIntOrFloatBitWidth();
    return dot && sums.isInteger(32) && getElementTypeOrSelf(dot.getLhs()).isInteger(8) && width <= 32 &&
           width >= (isa<FloatType>(type) ? 16 : 8);
  }

  /// Whether `op` can stand in the epilogue of a generated contraction: elements of such a type, and operands
  /// that are either as large as the result or 1 along all dimensions that the generator treats as one (the
  /// free dimensions of a side of dot_general).
  static bool fitsGenerator(Operation *root, Operation *op) {
    if (!isEpilogueType(root, getElementTypeOrSelf(op->getResult(0))))
      return false;
    auto resultType = cast<RankedTensorType>(root->getResult(0).getType());
    auto dot = dyn_cast<DotGeneralOp>(root);
    if (!dot)
      return true;
    int64_t batch = dot.getLhsBatch().size(), rows = dot.getLhsFree().size();
    return llvm::all_of(op->getOperands(), [&](Value operand) {
      auto type = cast<RankedTensorType>(operand.getType());
      auto uniform = [&](int64_t from, int64_t to) {
        bool all = true, none = true;
        for (int64_t d = from; d < to; ++d) {
          all &= type.getDimSize(d) == resultType.getDimSize(d);
          none &= type.getDimSize(d) == 1;
        }
        return all || none;
      };
      return isInlined(operand) ||
             (uniform(batch, batch + rows) && uniform(batch + rows, resultType.getRank()));
    });
  }

  Group *merge(Group *from, Group *into) {
    for (Operation *op : from->ops) {
      into->ops.insert(op);
      groupOf[op] = into;
    }
    if (from->root)
      into->root = from->root;
    from->ops.clear();
    return into;
  }

  Operation *lastOf(Group *group) {
    Operation *last = nullptr;
    for (Operation *op : group->ops)
      if (!last || last->isBeforeInBlock(op))
        last = op;
    return last;
  }

  /// Collects what a group reads from outside: constants to clone, arithmetic on extents to clone, and
  /// arguments.
  void collectInputs(ArrayRef<Operation *> ops, llvm::SetVector<Value> &arguments,
                     llvm::SetVector<Operation *> &clones) {
    std::function<void(Value)> visit = [&](Value value) {
      Operation *producer = value.getDefiningOp();
      if (producer && llvm::is_contained(ops, producer))
        return;
      if (isInlined(value)) {
        clones.insert(producer);
        return;
      }
      // A named extent is an element that somebody computed; other arithmetic on extents is done again.
      if (isShapeArithmetic(value) && !isa<NameExtentOp>(producer)) {
        for (Value operand : producer->getOperands())
          visit(operand);
        clones.insert(producer);
        return;
      }
      arguments.insert(value);
    };
    for (Operation *op : ops)
      for (Value operand : op->getOperands())
        visit(operand);
  }

  void outline(Group *group) {
    SmallVector<Operation *> ops = group->sorted();
    llvm::SetVector<Value> arguments;
    llvm::SetVector<Operation *> clones;
    collectInputs(ops, arguments, clones);
    SmallVector<Value> results;
    for (Operation *op : ops)
      for (Value result : op->getResults())
        if (llvm::any_of(result.getUsers(), [&](Operation *user) { return !group->ops.contains(user); }))
          results.push_back(result);
    if (results.empty() && !isa_and_present<AssertOp>(group->root)) { // nobody reads it
      for (Operation *op : ops)
        outlined.push_back(op);
      return;
    }

    MLIRContext *context = block.getParentOp()->getContext();
    OpBuilder builder(context);
    auto type =
        FunctionType::get(context, llvm::map_to_vector(arguments, [](Value v) { return v.getType(); }),
                          llvm::map_to_vector(results, [](Value v) { return v.getType(); }));
    SmallVector<Location> locs = llvm::map_to_vector(ops, [](Operation *op) { return op->getLoc(); });
    // A check speaks for the node that asserts, not for who computed what it looks at.
    bool isCheck = isa_and_present<AssertOp>(group->root);
    Location loc = isCheck ? group->root->getLoc() : FusedLoc::get(context, locs);
    Location launchLoc =
        FusedLoc::get(context, isCheck ? ArrayRef(loc) : ArrayRef<Location>(locs), notes.lookup(group));
    auto kernel = host::KernelOp::create(builder, loc, nameOf(ops, group->root), type);
    symbols.insert(kernel);
    Block *body = builder.createBlock(&kernel.getBody(), {}, type.getInputs(),
                                      SmallVector<Location>(type.getNumInputs(), loc));
    IRMapping mapping;
    for (auto [value, argument] : llvm::zip(arguments, body->getArguments()))
      mapping.map(value, argument);
    for (Operation *op : clones)
      builder.clone(*op, mapping);
    for (Operation *op : ops)
      builder.clone(*op, mapping);
    host::ReturnOp::create(builder, loc,
                           llvm::map_to_vector(results, [&](Value v) { return mapping.lookup(v); }));

    builder.setInsertionPoint(ops.back());
    auto launch = host::LaunchOp::create(builder, launchLoc, type.getResults(), kernel.getSymName(),
                                         arguments.getArrayRef());
    for (auto [old, result] : llvm::zip(results, launch.getResults())) {
      // Kernels and types go on with the arithmetic itself, which says what the extent is.
      bool onlyReads = isShapeArithmetic(old);
      old.replaceUsesWithIf(result, [&](OpOperand &use) {
        return !group->ops.contains(use.getOwner()) && (!onlyReads || isHostRead(use));
      });
    }
    llvm::append_range(outlined, ops);
  }

  /// "conv_add_relu": the ops in order, at most four, and the root if it is not among them. What moves the
  /// operands of attention is not named.
  static std::string nameOf(ArrayRef<Operation *> ops, Operation *root) {
    if (isa_and_present<AttentionOp>(root))
      return "attention";
    std::string name;
    int64_t named = 0;
    for (Operation *op : ops) {
      StringRef word = op->getName().stripDialect();
      if (named++ == 4)
        break;
      name += (name.empty() ? "" : "_") + word.str();
    }
    if (root && name.find(root->getName().stripDialect().str()) == std::string::npos)
      name += "_" + root->getName().stripDialect().str();
    return name;
  }

  /// A kernel of more ops than this compiles slowly and spills registers.
  static constexpr size_t maxOps = 64;

  Block &block;
  SymbolTable &symbols;
  bool attentionInPlace;
  std::vector<std::unique_ptr<Group>> groups;
  llvm::DenseMap<Operation *, Group *> groupOf;
  llvm::DenseMap<Group *, ArrayAttr> notes;
  const FusionCost &cost;
  llvm::DenseMap<Group *, std::string> reasons;           // why what a group computes is stored
  llvm::DenseMap<Operation *, std::string> computedAgain; // copies, and why
  SmallVector<Operation *> outlined;
};

struct OutlineKernels : impl::OutlineKernelsPassBase<OutlineKernels> {
  using OutlineKernelsPassBase::OutlineKernelsPassBase;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    leaveToHost(getOperation(), checks);
    SmallVector<Block *> blocks;
    for (auto function : getOperation().getOps<func::FuncOp>())
      function.walk([&](Block *block) { blocks.push_back(block); });
    const FusionCost cost(gpu ? FusionTarget::gpu() : FusionTarget::cpu(lanes, l2Bytes, l3Bytes));
    for (Block *block : blocks)
      BlockOutliner(*block, symbols, cost, !gpu).run();
    // Arithmetic on extents and constants that kernels took along may be dead now.
    for (auto function : getOperation().getOps<func::FuncOp>())
      eraseUnused(function);
  }
};

} // namespace
} // namespace weft
