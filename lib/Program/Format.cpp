// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The program model to and from protobuf. Nobody else sees the generated classes.
#include "Format.h"
#include "weft/Program/Visit.h"

#include "weft.pb.h"
#include <google/protobuf/arena.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <cstring>
#include <unordered_map>

namespace weft::program {
namespace {

/// Names of commands, each once.
class NameTable {
public:
  explicit NameTable(v1::Manifest &out) : out(out) { add(""); }
  uint32_t add(const std::string &name) {
    const auto [it, isNew] = ids.try_emplace(name, uint32_t(ids.size()));
    if (isNew)
      out.add_names(name);
    return it->second;
  }

private:
  v1::Manifest &out;
  std::unordered_map<std::string, uint32_t> ids;
};

template <class To, class From> void assign(To *to, const From &from) {
  to->Assign(from.begin(), from.end());
}

std::string digestBytes(const Sha256Digest &digest) {
  return {reinterpret_cast<const char *>(digest.data()), digest.size()};
}

void encode(v1::Value *out, const Value &value) {
  out->set_name(value.name);
  out->set_dtype(uint32_t(value.dtype));
  assign(out->mutable_dims(), value.dims);
}

void encode(v1::Attribute *out, const Attribute &attribute) {
  out->set_name(attribute.name);
  std::visit(Overloaded{[&](int64_t value) { out->set_int_(value); },
                        [&](double value) { out->set_float_(value); },
                        [&](const std::string &value) { out->set_string(value); },
                        [&](const std::vector<int64_t> &values) {
                          assign(out->mutable_ints()->mutable_values(), values);
                        }},
             attribute.value);
}

void encode(v1::Command *out, const Command &command, NameTable &names) {
  out->set_name(names.add(command.name));
  out->set_location(names.add(command.location));
  for (const std::string &note : command.notes)
    out->add_notes(names.add(note));
  std::visit(Overloaded{
                 [&](const Launch &c) {
                   v1::Launch &to = *out->mutable_launch();
                   to.set_kernel(c.kernel);
                   assign(to.mutable_buffers(), c.buffers);
                   assign(to.mutable_dims(), c.dims);
                   to.set_chunks(c.chunks);
                   to.set_scratch(c.scratch);
                   to.set_num_results(c.numResults);
                   to.set_flops(c.flops + 1); // noId + 1 is 0
                   to.set_bytes(c.bytes + 1);
                 },
                 [&](const Copy &c) {
                   v1::Copy &to = *out->mutable_copy();
                   to.set_to(c.to);
                   to.set_from(c.from);
                   to.set_size(c.size);
                   to.set_to_offset(c.toOffset + 1); // noId + 1 is 0
                   to.set_from_offset(c.fromOffset + 1);
                 },
                 [&](const Fill &c) {
                   v1::Fill &to = *out->mutable_fill();
                   to.set_buffer(c.buffer);
                   to.set_pattern(c.pattern);
                   to.set_width(c.width);
                 },
                 [&](const Host &c) {
                   v1::Host &to = *out->mutable_host();
                   to.set_function(c.function);
                   for (const HostArgument &arg : c.args) {
                     v1::HostArgument &toArg = *to.add_args();
                     toArg.set_buffer(arg.buffer);
                     toArg.set_dtype(uint32_t(arg.dtype));
                     assign(toArg.mutable_dims(), arg.dims);
                     toArg.set_is_result(arg.isResult);
                   }
                   for (const Attribute &attribute : c.attributes)
                     encode(to.add_attributes(), attribute);
                 },
                 [&](const Call &c) {
                   v1::Call &to = *out->mutable_call();
                   to.set_function(c.function);
                   assign(to.mutable_args(), c.args);
                   assign(to.mutable_results(), c.results);
                   to.set_frame(c.frame);
                 },
                 [&](const If &c) {
                   v1::If &to = *out->mutable_if_();
                   to.set_condition(c.condition);
                   to.set_then_function(c.thenFunction);
                   to.set_else_function(c.elseFunction);
                   assign(to.mutable_args(), c.args);
                   assign(to.mutable_results(), c.results);
                   to.set_frame(c.frame);
                 },
                 [&](const While &c) {
                   v1::While &to = *out->mutable_while_();
                   to.set_cond_function(c.condFunction);
                   to.set_body_function(c.bodyFunction);
                   to.set_condition(c.condition);
                   assign(to.mutable_args(), c.args);
                   assign(to.mutable_results(), c.results);
                   assign(to.mutable_temporaries(), c.temporaries);
                   assign(to.mutable_captures(), c.captures);
                   to.set_frame(c.frame);
                 },
                 [&](const Check &c) {
                   out->mutable_check()->set_predicate(c.predicate);
                   out->mutable_check()->set_message(c.message);
                 },
                 [&](const ShapeCheck &c) {
                   v1::ShapeCheck &to = *out->mutable_shape_check();
                   to.set_lhs(c.lhs);
                   to.set_rhs(c.rhs);
                   to.set_relation(uint32_t(c.relation));
                   to.set_message(c.message);
                 },
                 [&](const SetSymbol &c) {
                   out->mutable_set_symbol()->set_symbol(c.symbol);
                   out->mutable_set_symbol()->set_buffer(c.buffer);
                 },
                 [&](const CollectiveStart &c) {
                   v1::CollectiveStart &to = *out->mutable_collective_start();
                   to.set_kind(uint32_t(c.kind));
                   to.set_combine(uint32_t(c.combine));
                   to.set_dtype(uint32_t(c.dtype));
                   to.set_group(c.group);
                   to.set_channel(c.channel);
                   to.set_from(c.from);
                   to.set_to(c.to);
                   to.set_count(c.count);
                 },
                 [&](const Send &c) {
                   v1::Send &to = *out->mutable_send();
                   to.set_channel(c.channel);
                   to.set_route(c.route);
                   to.set_from(c.from);
                   to.set_size(c.size);
                 },
                 [&](const Recv &c) {
                   v1::Recv &to = *out->mutable_recv();
                   to.set_channel(c.channel);
                   to.set_route(c.route);
                   to.set_to(c.to);
                   to.set_size(c.size);
                 },
                 [&](const Wait &c) { out->mutable_wait()->set_channel(c.channel); },
                 [&](const MeshCoordinate &c) {
                   out->mutable_mesh_coordinate()->set_axis(c.axis);
                   out->mutable_mesh_coordinate()->set_to(c.to);
                 },
             },
             command.what);
}

void encode(v1::Constant *out, const Constant &constant, uint64_t offset) {
  out->set_name(constant.name);
  out->set_dtype(uint32_t(constant.dtype));
  assign(out->mutable_dims(), constant.dims);
  out->set_offset(offset);
  if (constant.value.isValid() || constant.make)
    out->set_size(uint64_t(constant.numBytes()));
  if (constant.sha256 != Sha256Digest{})
    out->set_sha256(digestBytes(constant.sha256));
  if (constant.external) {
    v1::External &external = *out->mutable_external();
    external.set_path(constant.external->path);
    external.set_offset(constant.external->offset);
    external.set_size(constant.external->size);
    external.set_file_size(constant.external->fileSize);
    external.set_modification_time(constant.external->modificationTime);
  }
}

// Decoding. Numbers too large for their type become values that no check accepts.

DType decodeDType(uint32_t number) { return isValidDType(number) ? DType(number) : DType::Invalid; }

template <class Enum> Enum decodeEnum(uint32_t number) {
  return Enum(uint8_t(std::min<uint32_t>(number, 255)));
}

std::vector<uint32_t> decodeIds(const google::protobuf::RepeatedField<uint32_t> &from) {
  return {from.begin(), from.end()};
}

Result<Sha256Digest> decodeDigest(const std::string &bytes) {
  Sha256Digest digest;
  if (bytes.size() != digest.size())
    return invalidArgument("a sha256 of ", bytes.size(), " bytes, wanted 32");
  std::memcpy(digest.data(), bytes.data(), digest.size());
  return digest;
}

Value decode(const v1::Value &from) {
  return {from.name(), decodeDType(from.dtype()), decodeIds(from.dims())};
}

Status decode(const v1::Command &from, const v1::Manifest &manifest, Command &out) {
  if (from.name() >= uint32_t(manifest.names_size()) || from.location() >= uint32_t(manifest.names_size()))
    return invalidArgument("command with a name outside the table");
  out.name = manifest.names(int(from.name()));
  out.location = manifest.names(int(from.location()));
  for (const uint32_t note : from.notes()) {
    if (note >= uint32_t(manifest.names_size()))
      return invalidArgument("command '", out.name, "' with a note outside the table");
    out.notes.push_back(manifest.names(int(note)));
  }
  switch (from.what_case()) {
  case v1::Command::kLaunch: {
    const v1::Launch &c = from.launch();
    out.what = Launch{c.kernel(),  decodeIds(c.buffers()), decodeIds(c.dims()), c.chunks(),
                      c.scratch(), c.num_results(),        c.flops() - 1,       c.bytes() - 1};
    return Status::ok();
  }
  case v1::Command::kCopy: {
    const v1::Copy &c = from.copy();
    out.what = Copy{c.to(), c.from(), c.size(), c.to_offset() - 1, c.from_offset() - 1};
    return Status::ok();
  }
  case v1::Command::kFill:
    out.what = Fill{from.fill().buffer(), from.fill().pattern(), decodeEnum<uint8_t>(from.fill().width())};
    return Status::ok();
  case v1::Command::kHost: {
    Host host{from.host().function(), {}, {}};
    for (const v1::HostArgument &arg : from.host().args())
      host.args.push_back({arg.buffer(), decodeDType(arg.dtype()), decodeIds(arg.dims()), arg.is_result()});
    for (const v1::Attribute &attribute : from.host().attributes()) {
      AttributeValue value;
      switch (attribute.value_case()) {
      case v1::Attribute::kInt:
        value = int64_t(attribute.int_());
        break;
      case v1::Attribute::kFloat:
        value = attribute.float_();
        break;
      case v1::Attribute::kString:
        value = attribute.string();
        break;
      case v1::Attribute::kInts:
        value = std::vector<int64_t>(attribute.ints().values().begin(), attribute.ints().values().end());
        break;
      case v1::Attribute::VALUE_NOT_SET:
        return invalidArgument("attribute '", attribute.name(), "' without a value");
      }
      host.attributes.push_back({attribute.name(), std::move(value)});
    }
    out.what = std::move(host);
    return Status::ok();
  }
  case v1::Command::kCall: {
    const v1::Call &c = from.call();
    out.what = Call{c.function(), decodeIds(c.args()), decodeIds(c.results()), c.frame()};
    return Status::ok();
  }
  case v1::Command::kIf: {
    const v1::If &c = from.if_();
    out.what = If{c.condition(),       c.then_function(),      c.else_function(),
                  decodeIds(c.args()), decodeIds(c.results()), c.frame()};
    return Status::ok();
  }
  case v1::Command::kWhile: {
    const v1::While &c = from.while_();
    out.what = While{
        c.cond_function(),      c.body_function(),          c.condition(),           decodeIds(c.args()),
        decodeIds(c.results()), decodeIds(c.temporaries()), decodeIds(c.captures()), c.frame()};
    return Status::ok();
  }
  case v1::Command::kCheck:
    out.what = Check{from.check().predicate(), from.check().message()};
    return Status::ok();
  case v1::Command::kShapeCheck: {
    const v1::ShapeCheck &c = from.shape_check();
    out.what = ShapeCheck{c.lhs(), c.rhs(), decodeEnum<Relation>(c.relation()), c.message()};
    return Status::ok();
  }
  case v1::Command::kSetSymbol:
    out.what = SetSymbol{from.set_symbol().symbol(), from.set_symbol().buffer()};
    return Status::ok();
  case v1::Command::kCollectiveStart: {
    const v1::CollectiveStart &c = from.collective_start();
    out.what = CollectiveStart{decodeEnum<Collective>(c.kind()),
                               decodeEnum<Combine>(c.combine()),
                               decodeDType(c.dtype()),
                               c.group(),
                               c.channel(),
                               c.from(),
                               c.to(),
                               c.count()};
    return Status::ok();
  }
  case v1::Command::kSend:
    out.what = Send{from.send().channel(), from.send().route(), from.send().from(), from.send().size()};
    return Status::ok();
  case v1::Command::kRecv:
    out.what = Recv{from.recv().channel(), from.recv().route(), from.recv().to(), from.recv().size()};
    return Status::ok();
  case v1::Command::kWait:
    out.what = Wait{from.wait().channel()};
    return Status::ok();
  case v1::Command::kMeshCoordinate:
    out.what = MeshCoordinate{from.mesh_coordinate().axis(), from.mesh_coordinate().to()};
    return Status::ok();
  case v1::Command::WHAT_NOT_SET:
    break;
  }
  return invalidArgument("command '", out.name, "' is of a kind unknown here");
}

Status decodeExprs(const v1::Manifest &manifest, ExprTable &table) {
  for (int i = 0; i < manifest.exprs_size();) {
    const int64_t op = manifest.exprs(i);
    if (op < 0 || op > int64_t(ExprOp::Max))
      return invalidArgument("unknown operation ", op, " in a size expression");
    const int operands = op <= int64_t(ExprOp::Symbol) ? 1 : 2;
    if (manifest.exprs_size() - i <= operands)
      return invalidArgument("truncated size expression");
    const int64_t first = manifest.exprs(i + 1), second = operands == 2 ? manifest.exprs(i + 2) : 0;
    const auto size = int64_t(table.size());
    if (operands == 2 && (first < 0 || first >= size || second < 0 || second >= size))
      return invalidArgument("size expression ", size, " refers to one that is not before it");
    table.append(operands == 1 ? Expr{ExprOp(op), first, 0, 0}
                               : Expr{ExprOp(op), 0, ExprId(first), ExprId(second)});
    i += 1 + operands;
  }
  return Status::ok();
}

Status decodeSections(const v1::Manifest &manifest, Layout &layout) {
  for (const v1::Section &from : manifest.sections()) {
    SectionRecord section;
    if (from.kind() < 1 || from.kind() > uint32_t(SectionKind::Debug))
      return invalidArgument("section of unknown kind ", from.kind());
    section.kind = SectionKind(from.kind());
    section.offset = from.offset();
    section.size = from.size();
    if (section.kind != SectionKind::Constants) {
      WEFT_ASSIGN_OR_RETURN(section.sha256, decodeDigest(from.sha256()));
    }
    section.isa = from.isa();
    section.features.assign(from.features().begin(), from.features().end());
    layout.sections.push_back(std::move(section));
  }
  return Status::ok();
}

Status decodeConstants(const v1::Manifest &manifest, Program &program, Layout &layout) {
  for (const v1::Constant &from : manifest.constants()) {
    Constant constant;
    constant.name = from.name();
    constant.dtype = decodeDType(from.dtype());
    constant.dims.assign(from.dims().begin(), from.dims().end());
    if (!from.sha256().empty()) {
      WEFT_ASSIGN_OR_RETURN(constant.sha256,
                            decodeDigest(from.sha256()).context(concat("constant '", from.name(), "'")));
    }
    if (from.has_external()) {
      const v1::External &external = from.external();
      constant.external = ExternalData{external.path(), external.offset(), external.size(),
                                       external.file_size(), external.modification_time()};
    }
    layout.constantOffsets.push_back(from.offset());
    program.constants.push_back(std::move(constant));
  }
  return Status::ok();
}

void encodeMesh(v1::Manifest &out, const Program &program) {
  for (const MeshAxis &axis : program.mesh) {
    v1::MeshAxis &to = *out.add_mesh();
    to.set_name(axis.name);
    to.set_size(axis.size);
  }
  out.set_num_ranks(program.numRanks);
  for (const auto &group : program.groups) {
    v1::Group &to = *out.add_groups();
    for (const auto &set : group)
      assign(to.add_sets()->mutable_ranks(), set);
  }
  for (const auto &route : program.routes) {
    v1::Ranks &to = *out.add_routes();
    for (const uint32_t peer : route)
      to.add_ranks(peer + 1); // noId + 1 is 0
  }
}

void decodeMesh(const v1::Manifest &manifest, Program &program) {
  for (const v1::MeshAxis &axis : manifest.mesh())
    program.mesh.push_back({axis.name(), axis.size()});
  program.numRanks = manifest.num_ranks();
  for (const v1::Group &from : manifest.groups()) {
    std::vector<std::vector<uint32_t>> &group = program.groups.emplace_back();
    for (const v1::Ranks &set : from.sets())
      group.push_back(decodeIds(set.ranks()));
  }
  for (const v1::Ranks &from : manifest.routes()) {
    std::vector<uint32_t> &route = program.routes.emplace_back();
    for (const uint32_t peer : from.ranks())
      route.push_back(peer - 1);
  }
}

Status decodeFunctions(const v1::Manifest &manifest, Program &program) {
  for (const v1::Function &from : manifest.functions()) {
    Function function;
    function.name = from.name();
    for (const v1::Value &value : from.inputs())
      function.inputs.push_back(decode(value));
    for (const v1::Value &value : from.outputs())
      function.outputs.push_back(decode(value));
    for (const v1::Buffer &buffer : from.buffers())
      function.buffers.push_back({decodeEnum<BufferKind>(buffer.kind()), buffer.index(), buffer.size(),
                                  buffer.alias_offset(), buffer.offset()});
    function.commands.resize(size_t(from.commands_size()));
    for (int i = 0; i < from.commands_size(); ++i)
      WEFT_RETURN_IF_ERROR(decode(from.commands(i), manifest, function.commands[size_t(i)])
                               .context(concat("function '", function.name, "'")));
    function.arenaSize = from.arena_size();
    program.functions.push_back(std::move(function));
  }
  return Status::ok();
}

} // namespace

Result<std::string> encodeManifest(const Program &program, const Layout &layout) {
  v1::Manifest out;
  out.set_format(formatVersion);
  out.set_abi(WEFT_ABI);
  out.set_producer(program.producer);
  if (program.isForGpu())
    out.set_device(program.device);
  NameTable names(out);
  for (const auto &[key, value] : program.metadata) {
    v1::Pair &pair = *out.add_metadata();
    pair.set_key(key);
    pair.set_value(value);
  }
  for (const Symbol &symbol : program.symbols) {
    v1::Symbol &to = *out.add_symbols();
    to.set_name(symbol.name);
    to.set_lower(symbol.lower);
    to.set_upper(symbol.upper);
    to.set_bound(symbol.bound + 1); // noId + 1 is 0
  }
  for (const Expr &expr : program.exprs.all()) {
    out.add_exprs(int64_t(expr.op));
    if (expr.op <= ExprOp::Symbol) {
      out.add_exprs(expr.value);
    } else {
      out.add_exprs(expr.lhs);
      out.add_exprs(expr.rhs);
    }
  }
  for (size_t i = 0; i < program.constants.size(); ++i)
    encode(out.add_constants(), program.constants[i], layout.constantOffsets[i]);
  for (const Variable &variable : program.variables) {
    v1::Variable &to = *out.add_variables();
    to.set_name(variable.name);
    to.set_dtype(uint32_t(variable.dtype));
    assign(to.mutable_dims(), variable.dims);
    to.set_initial(variable.initial + 1);
    to.set_trainable(variable.trainable);
  }
  for (const Kernel &kernel : program.kernels) {
    v1::Kernel &to = *out.add_kernels();
    to.set_symbol(kernel.symbol);
    to.set_name(kernel.name);
    to.set_location(kernel.location);
    to.set_num_buffers(kernel.numBuffers);
    to.set_num_dims(kernel.numDims);
    for (const std::string &check : kernel.checks)
      to.add_checks(check);
    to.set_threads(kernel.threads);
    to.set_shared_bytes(kernel.sharedBytes);
    to.set_cluster(kernel.cluster == 1 ? 0 : kernel.cluster);
  }
  encodeMesh(out, program);
  for (const Function &function : program.functions) {
    v1::Function &to = *out.add_functions();
    to.set_name(function.name);
    for (const Value &value : function.inputs)
      encode(to.add_inputs(), value);
    for (const Value &value : function.outputs)
      encode(to.add_outputs(), value);
    for (const Buffer &buffer : function.buffers) {
      v1::Buffer &toBuffer = *to.add_buffers();
      toBuffer.set_kind(uint32_t(buffer.kind));
      toBuffer.set_index(buffer.index);
      toBuffer.set_size(buffer.size);
      toBuffer.set_alias_offset(buffer.aliasOffset);
      toBuffer.set_offset(buffer.offset);
    }
    for (const Command &command : function.commands)
      encode(to.add_commands(), command, names);
    to.set_arena_size(function.arenaSize);
  }
  for (const SectionRecord &section : layout.sections) {
    v1::Section &to = *out.add_sections();
    to.set_kind(uint32_t(section.kind));
    to.set_offset(section.offset);
    to.set_size(section.size);
    if (section.sha256)
      to.set_sha256(digestBytes(*section.sha256));
    to.set_isa(section.isa);
    for (const std::string &feature : section.features)
      to.add_features(feature);
  }
  if (out.ByteSizeLong() > maxManifestSize)
    return resourceExhausted("a manifest of ", out.ByteSizeLong(), " bytes, wanted at most ",
                             maxManifestSize);
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  if (!out.SerializeToCodedStream(&coded))
    return internalError("the manifest could not be encoded");
  coded.Trim();
  return bytes;
}

Status decodeManifest(std::span<const std::byte> bytes, Program &program, Layout &layout) {
  google::protobuf::Arena arena;
  auto &manifest = *google::protobuf::Arena::CreateMessage<v1::Manifest>(&arena);
  if (!manifest.ParseFromArray(bytes.data(), int(bytes.size())))
    return invalidArgument("the manifest is damaged");
  if (manifest.format() == 0 || manifest.format() > formatVersion)
    return unimplemented("the program has format ", manifest.format(), ", this runtime reads up to ",
                         formatVersion);
  if (manifest.abi() != WEFT_ABI)
    return unimplemented("the program's kernels have ABI ", manifest.abi(), ", this runtime has ", WEFT_ABI);
  program.producer = manifest.producer();
  if (!manifest.device().empty())
    program.device = manifest.device();
  for (const v1::Pair &pair : manifest.metadata())
    program.metadata.emplace_back(pair.key(), pair.value());
  for (const v1::Symbol &symbol : manifest.symbols())
    program.symbols.push_back({symbol.name(), symbol.lower(), symbol.upper(), symbol.bound() - 1});
  WEFT_RETURN_IF_ERROR(decodeExprs(manifest, program.exprs));
  WEFT_RETURN_IF_ERROR(decodeConstants(manifest, program, layout));
  for (const v1::Variable &from : manifest.variables()) {
    Variable variable;
    variable.name = from.name();
    variable.dtype = decodeDType(from.dtype());
    variable.dims.assign(from.dims().begin(), from.dims().end());
    variable.initial = from.initial() - 1;
    variable.trainable = from.trainable();
    program.variables.push_back(std::move(variable));
  }
  for (const v1::Kernel &kernel : manifest.kernels())
    program.kernels.push_back({kernel.symbol(),
                               kernel.name(),
                               kernel.location(),
                               kernel.num_buffers(),
                               kernel.num_dims(),
                               {kernel.checks().begin(), kernel.checks().end()},
                               kernel.threads(),
                               kernel.shared_bytes(),
                               kernel.cluster() ? kernel.cluster() : 1});
  decodeMesh(manifest, program);
  WEFT_RETURN_IF_ERROR(decodeFunctions(manifest, program));
  return decodeSections(manifest, layout);
}

} // namespace weft::program
