// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --emit=header: a C header for one program. Two functions, NAME_load and NAME_run, with a typed pointer per
// input and output and a number per named dimension; they call weft-c/weft.h, and check that the file loaded
// has this signature.
#include "Commands.h"

#include <algorithm>
#include <set>

using namespace weft;
using namespace weft::driver;
using program::ExprOp;
using program::Program;

namespace {

const char *cTypeOf(DType type) {
  switch (type) {
  case DType::F64:
    return "double";
  case DType::F32:
    return "float";
  case DType::I64:
    return "int64_t";
  case DType::I32:
    return "int32_t";
  case DType::I16:
    return "int16_t";
  case DType::I8:
    return "int8_t";
  case DType::UI64:
    return "uint64_t";
  case DType::UI32:
    return "uint32_t";
  case DType::UI16:
  case DType::BF16: // the bits
  case DType::F16:
    return "uint16_t";
  default:
    return "uint8_t";
  }
}

/// "WEFT_F32".
std::string cEnumOf(DType type) {
  std::string text = "WEFT_";
  for (char c : dtypeName(type))
    text += char(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

/// Names that are identifiers of C and C++, each used once.
class Names {
public:
  std::string add(const std::string &name) {
    std::string id;
    for (char c : name)
      id += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
    if (id.empty() || std::isdigit(static_cast<unsigned char>(id[0])))
      id = "x" + id;
    static const std::set<std::string> keywords = {
        "alignas",  "auto",      "bool",    "break",    "case",     "catch",     "char",   "class",
        "const",    "continue",  "default", "delete",   "do",       "double",    "else",   "enum",
        "explicit", "export",    "extern",  "false",    "float",    "for",       "friend", "goto",
        "if",       "inline",    "int",     "long",     "mutable",  "namespace", "new",    "operator",
        "private",  "protected", "public",  "register", "restrict", "return",    "short",  "signed",
        "sizeof",   "static",    "struct",  "switch",   "template", "this",      "throw",  "true",
        "try",      "typedef",   "typeid",  "typename", "union",    "unsigned",  "using",  "virtual",
        "void",     "volatile",  "while",   "and",      "or",       "not",       "xor",    "concept",
        "requires", "asm",       "NULL"};
    while (keywords.count(id) || !used.insert(id).second)
      id += "_";
    return id;
  }

private:
  std::set<std::string> used = {"session", "inputs", "outputs", "error", "path", "program"};
};

/// A size expression in C over the names of the symbols.
Result<std::string> cExpr(const Program &program, program::ExprId id, const std::vector<std::string> &symbols,
                          const std::string &prefix, int depth = 0) {
  const program::Expr &expr = program.exprs[id];
  if (expr.op == ExprOp::Constant)
    return std::to_string(expr.value);
  if (expr.op == ExprOp::Symbol)
    return symbols[size_t(expr.value)];
  if (depth > 12)
    return unimplemented("an extent is too long an expression for a header: ",
                         program.exprs.toString(id, std::span(symbols)));
  WEFT_ASSIGN_OR_RETURN(std::string a, cExpr(program, expr.lhs, symbols, prefix, depth + 1));
  WEFT_ASSIGN_OR_RETURN(std::string b, cExpr(program, expr.rhs, symbols, prefix, depth + 1));
  std::string divided = prefix + "_floordiv(" + a + ", " + b + ")";
  switch (expr.op) {
  case ExprOp::Add:
    return "(" + a + " + " + b + ")";
  case ExprOp::Sub:
    return "(" + a + " - " + b + ")";
  case ExprOp::Mul:
    return "(" + a + " * " + b + ")";
  case ExprOp::FloorDiv:
    return divided;
  case ExprOp::CeilDiv:
    return "-" + prefix + "_floordiv(-(" + a + "), " + b + ")";
  case ExprOp::Mod:
    return "(" + a + " - " + divided + " * " + b + ")";
  case ExprOp::Min:
    return "(" + a + " < " + b + " ? " + a + " : " + b + ")";
  default:
    return "(" + a + " > " + b + " ? " + a + " : " + b + ")";
  }
}

/// Text that cannot end a comment.
std::string inComment(std::string text) {
  for (char &c : text)
    if (c == '*' || static_cast<unsigned char>(c) < 32)
      c = ' ';
  return text;
}

struct Entry {
  const program::Value *value;
  std::string id, dims;
};

} // namespace

Result<std::string> weft::driver::makeHeader(const Program &program, const std::string &name) {
  program::FunctionId main = program.findFunction("main");
  if (main == program::noId)
    return notFound("the program has no function 'main'");
  const program::Function &function = program.functions[main];
  Names names;
  std::string prefix = Names().add(name), guard = "WEFT_PROGRAM_";
  for (char c : prefix)
    guard += char(std::toupper(static_cast<unsigned char>(c)));
  guard += "_H";

  std::vector<std::string> symbols;
  std::string parameters, comment;
  std::set<program::SymbolId> ofInputs;
  for (const program::Value &input : function.inputs)
    for (program::ExprId dim : input.dims)
      if (program.exprs[dim].op == ExprOp::Symbol)
        ofInputs.insert(program::SymbolId(program.exprs[dim].value));
  for (program::SymbolId i = 0; i < program.symbols.size(); ++i) {
    const program::Symbol &symbol = program.symbols[i];
    symbols.push_back(names.add(symbol.name));
    if (!ofInputs.count(i))
      continue;
    parameters += ", int64_t " + symbols.back();
    comment += concat(" *   ", symbols.back(), ": ", symbol.lower, " to ",
                      symbol.upper < 0 ? "any" : std::to_string(symbol.upper), "\n");
  }

  std::vector<Entry> entries;
  bool needsFloorDiv = false;
  auto add = [&](const program::Value &value, bool isInput) -> Status {
    Entry entry{&value, names.add(value.name), {}};
    for (program::ExprId dim : value.dims) {
      WEFT_ASSIGN_OR_RETURN(std::string text, cExpr(program, dim, symbols, prefix));
      entry.dims += (entry.dims.empty() ? "" : ", ") + text;
    }
    // A size that no parameter tells is known only after a run.
    for (program::SymbolId i = 0; i < program.symbols.size(); ++i)
      if (program.symbols[i].isDataDependent())
        return unimplemented("the extents of '", value.name,
                             "' may depend on data, which a header cannot say");
    needsFloorDiv |= entry.dims.find("_floordiv(") != std::string::npos;
    parameters += concat(isInput ? ", const " : ", ", cTypeOf(value.dtype), " *", entry.id);
    comment += concat(" *   ", entry.id, ": ", isInput ? "input" : "output", " '", inComment(value.name),
                      "', ", dtypeName(value.dtype), "[", entry.dims, "]\n");
    entries.push_back(std::move(entry));
    return Status::ok();
  };
  for (const program::Value &value : function.inputs) {
    WEFT_RETURN_IF_ERROR(add(value, true));
  }
  for (const program::Value &value : function.outputs) {
    WEFT_RETURN_IF_ERROR(add(value, false));
  }

  size_t numInputs = function.inputs.size(), numOutputs = function.outputs.size();
  std::string text =
      concat("/* How C runs the program '", inComment(name), "', made by ", inComment(program.producer),
             ". Link with libWeft.\n * Row-major elements; memory aligned to 64 bytes is used in "
             "place.\n",
             comment, " */\n#ifndef ", guard, "\n#define ", guard, "\n\n#include <weft-c/weft.h>\n\n");
  if (needsFloorDiv)
    text += concat("static inline int64_t ", prefix, "_floordiv(int64_t a, int64_t b) {\n",
                   "  return a / b - (a % b != 0 && (a < 0) != (b < 0));\n}\n\n");
  text += concat(
      "/* Loads the file and makes a session for one thread; fails if the file is another program. */\n",
      "static inline WeftError *", prefix, "_load(const char *path, WeftSession **session) {\n");
  auto types = [&](size_t from, size_t count, const char *what) {
    if (count == 0)
      return;
    text += concat("  static const WeftType ", what, "[] = {");
    for (size_t i = from; i < from + count; ++i)
      text += concat(i == from ? "" : ", ", "{", cEnumOf(entries[i].value->dtype), ", ",
                     entries[i].value->dims.size(), "}");
    text += "};\n";
  };
  types(0, numInputs, "inputs");
  types(numInputs, numOutputs, "outputs");
  text += concat("  WeftProgram *program = NULL;\n  WeftError *error = weftProgramLoad(path, &program);\n",
                 "  if (!error)\n    error = weftProgramCheck(program, ", numInputs ? "inputs" : "NULL", ", ",
                 numInputs, ", ", numOutputs ? "outputs" : "NULL", ", ", numOutputs, ");\n",
                 "  if (!error)\n    error = weftSessionCreate(program, 0, session);\n",
                 "  weftProgramDelete(program);\n  return error;\n}\n\n");
  text += concat("static inline WeftError *", prefix, "_run(WeftSession *session", parameters, ") {\n");
  for (const Entry &entry : entries)
    if (!entry.value->dims.empty())
      text += concat("  const int64_t ", entry.id, "Dims[] = {", entry.dims, "};\n");
  auto tensors = [&](size_t from, size_t count, const char *what) {
    if (count == 0)
      return;
    text += concat("  const WeftTensor ", what, "[] = {");
    for (size_t i = from; i < from + count; ++i) {
      const Entry &entry = entries[i];
      bool isScalar = entry.value->dims.empty();
      text += concat(i == from ? "\n" : ",\n", "      {", cEnumOf(entry.value->dtype), ", ",
                     entry.value->dims.size(), ", ", isScalar ? "NULL" : entry.id + "Dims", ", (void *)",
                     entry.id, "}");
    }
    text += "};\n";
  };
  tensors(0, numInputs, "inputs");
  tensors(numInputs, numOutputs, "outputs");
  text += concat("  return weftSessionRun(session, ", numInputs ? "inputs" : "NULL", ", ", numInputs, ", ",
                 numOutputs ? "outputs" : "NULL", ", ", numOutputs, ");\n}\n\n#endif /* ", guard, " */\n");
  return text;
}
