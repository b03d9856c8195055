// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looks at everything of a shared object that the dynamic linker reads, before it does: ELF header, segments,
// dynamic tags, hash table, symbols, relocations. The linker itself trusts all of these.
#include "weft/Program/ImageCheck.h"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <set>

namespace weft::program {
namespace {

#if defined(__x86_64__)
constexpr uint16_t hostMachine = EM_X86_64;
constexpr uint32_t relativeReloc = R_X86_64_RELATIVE;
constexpr uint32_t addressRelocs[] = {R_X86_64_64, R_X86_64_GLOB_DAT};
#elif defined(__aarch64__)
constexpr uint16_t hostMachine = EM_AARCH64;
constexpr uint32_t relativeReloc = R_AARCH64_RELATIVE;
constexpr uint32_t addressRelocs[] = {R_AARCH64_ABS64, R_AARCH64_GLOB_DAT};
#else
#error "no code images on this machine yet"
#endif

constexpr uint64_t page = 4096, maxSegment = uint64_t(1) << 30, maxAddress = uint64_t(1) << 32;

class Checker {
public:
  explicit Checker(std::span<const std::byte> image) : image(image) {}

  Result<ImageInfo> run() {
    WEFT_RETURN_IF_ERROR(checkHeader());
    WEFT_RETURN_IF_ERROR(checkSegments());
    WEFT_RETURN_IF_ERROR(checkDynamic());
    ImageInfo info;
    WEFT_RETURN_IF_ERROR(checkSymbols(info));
    WEFT_RETURN_IF_ERROR(checkRelocations());
    return info;
  }

private:
  template <class... P> static Status bad(const P &...p) { return invalidArgument("code image: ", p...); }

  bool isInside(uint64_t offset, uint64_t size) const {
    return offset <= image.size() && size <= image.size() - offset;
  }
  /// The first segment maps the file from its start, read-only: there, addresses are offsets.
  bool isReadOnly(uint64_t address, uint64_t size) const {
    return address <= readOnlySize && size <= readOnlySize - address;
  }
  template <class T> T load(uint64_t offset) const {
    T value;
    std::memcpy(&value, image.data() + offset, sizeof value);
    return value;
  }

  Status checkHeader() {
    if (!isInside(0, sizeof header))
      return bad("truncated");
    header = load<Elf64_Ehdr>(0);
    const unsigned char *ident = header.e_ident;
    if (std::memcmp(ident, ELFMAG, SELFMAG) != 0 || ident[EI_CLASS] != ELFCLASS64 ||
        ident[EI_DATA] != ELFDATA2LSB || ident[EI_VERSION] != EV_CURRENT ||
        ident[EI_OSABI] != ELFOSABI_NONE || ident[EI_ABIVERSION] != 0)
      return bad("not a plain 64-bit ELF file");
    if (header.e_machine != hostMachine)
      return bad("found machine ", header.e_machine, ", wanted ", hostMachine);
    if (header.e_type != ET_DYN || header.e_version != EV_CURRENT || header.e_ehsize != sizeof header ||
        header.e_entry != 0)
      return bad("not a shared object without an entry point");
    if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff != sizeof header || header.e_phnum > 16 ||
        !isInside(header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr)))
      return bad("bad program headers");
    return Status::ok();
  }

  Status checkLoad(const Elf64_Phdr &segment, uint64_t top) {
    const bool writable = segment.p_flags & PF_W;
    if (!isInside(segment.p_offset, segment.p_filesz) || segment.p_memsz < segment.p_filesz ||
        segment.p_memsz > maxSegment || segment.p_vaddr > maxAddress)
      return bad("a segment outside the file, or too large");
    if (segment.p_align < page || segment.p_align > 16 * page || (segment.p_align & (segment.p_align - 1)) ||
        (segment.p_vaddr - segment.p_offset) % segment.p_align)
      return bad("a segment that is not aligned to pages");
    if (!(segment.p_flags & PF_R) || (segment.p_flags & ~uint32_t(PF_R | PF_W | PF_X)) ||
        (writable && (segment.p_flags & PF_X)))
      return bad("a segment that is not readable, or both writable and executable");
    if (!writable && segment.p_memsz != segment.p_filesz)
      return bad("a read-only segment larger than its bytes");
    if (segment.p_vaddr / page < (top + page - 1) / page)
      return bad("segments out of order, or on one page");
    return Status::ok();
  }

  Status checkSegments() {
    uint64_t top = 0;
    bool hasStack = false;
    std::vector<Elf64_Phdr> relro, inside;
    for (size_t i = 0; i < header.e_phnum; ++i) {
      const auto segment = load<Elf64_Phdr>(header.e_phoff + i * sizeof(Elf64_Phdr));
      switch (segment.p_type) {
      case PT_LOAD:
        WEFT_RETURN_IF_ERROR(checkLoad(segment, top));
        if (loads.empty()) {
          if (segment.p_offset || segment.p_vaddr || (segment.p_flags & (PF_W | PF_X)))
            return bad("the first segment must map the headers read-only");
          readOnlySize = segment.p_filesz;
        }
        top = segment.p_vaddr + segment.p_memsz;
        loads.push_back(segment);
        break;
      case PT_DYNAMIC:
        if (dynamic.p_type == PT_DYNAMIC)
          return bad("two dynamic sections");
        dynamic = segment;
        break;
      case PT_GNU_STACK:
        if (segment.p_flags & PF_X)
          return bad("asks for an executable stack");
        hasStack = true;
        break;
      case PT_PHDR:
      case PT_GNU_EH_FRAME:
        inside.push_back(segment);
        break;
      case PT_GNU_RELRO:
        relro.push_back(segment);
        break;
      default:
        return bad("a segment of type ", segment.p_type);
      }
    }
    if (loads.empty() || dynamic.p_type != PT_DYNAMIC || !hasStack)
      return bad("a segment is missing");
    for (const Elf64_Phdr &segment : inside)
      if (segment.p_offset != segment.p_vaddr || !isReadOnly(segment.p_vaddr, segment.p_memsz) ||
          segment.p_filesz != segment.p_memsz ||
          (segment.p_type == PT_PHDR && segment.p_offset != header.e_phoff))
        return bad("a table outside the first segment");
    // The linker makes these pages read-only when it is done: they must be pages of a writable segment.
    for (const Elf64_Phdr &segment : relro)
      if (std::none_of(loads.begin(), loads.end(), [&](const Elf64_Phdr &load) {
            return (load.p_flags & PF_W) && load.p_vaddr == segment.p_vaddr &&
                   segment.p_memsz <= (load.p_memsz + page - 1) / page * page;
          }))
        return bad("a relro segment outside the writable ones");
    return Status::ok();
  }

  Status checkDynamic() {
    const bool isSeated = std::any_of(loads.begin(), loads.end(), [&](const Elf64_Phdr &load) {
      return (load.p_flags & PF_W) && dynamic.p_vaddr >= load.p_vaddr && dynamic.p_filesz <= load.p_filesz &&
             dynamic.p_vaddr - load.p_vaddr <= load.p_filesz - dynamic.p_filesz &&
             dynamic.p_offset - load.p_offset == dynamic.p_vaddr - load.p_vaddr;
    });
    if (!isSeated || dynamic.p_filesz % sizeof(Elf64_Dyn) || dynamic.p_memsz != dynamic.p_filesz ||
        dynamic.p_vaddr % 8 || !isInside(dynamic.p_offset, dynamic.p_filesz))
      return bad("a dynamic section outside the writable segment");
    std::set<int64_t> seen;
    bool isClosed = false;
    for (uint64_t at = 0; at < dynamic.p_filesz && !isClosed; at += sizeof(Elf64_Dyn)) {
      const auto entry = load<Elf64_Dyn>(dynamic.p_offset + at);
      const uint64_t value = entry.d_un.d_val;
      if (!seen.insert(entry.d_tag).second)
        return bad("dynamic tag ", entry.d_tag, " twice");
      switch (entry.d_tag) {
      case DT_NULL:
        isClosed = true;
        break;
      case DT_SYMTAB:
        symbolTable = value;
        break;
      case DT_STRTAB:
        stringTable = value;
        break;
      case DT_STRSZ:
        stringSize = value;
        break;
      case DT_GNU_HASH:
        hashTable = value;
        break;
      case DT_RELA:
        relaTable = value;
        break;
      case DT_RELASZ:
        relaSize = value;
        break;
      case DT_RELACOUNT:
        relaCount = value;
        break;
      case DT_SYMENT:
      case DT_RELAENT:
        if (value != 24) // sizeof(Elf64_Sym) and sizeof(Elf64_Rela) alike
          return bad("table entries of ", value, " bytes");
        break;
      case DT_SONAME:
        soname = value;
        break;
      case DT_SYMBOLIC:
        break;
      case DT_FLAGS:
        if (value & ~uint64_t(DF_SYMBOLIC | DF_BIND_NOW))
          return bad("dynamic flags ", value);
        break;
      case DT_FLAGS_1:
        if (value & ~uint64_t(DF_1_NOW))
          return bad("dynamic flags (1) ", value);
        break;
      case DT_NEEDED:
        return bad("it needs another library");
      case DT_INIT:
      case DT_INIT_ARRAY:
      case DT_FINI:
      case DT_FINI_ARRAY:
      case DT_PREINIT_ARRAY:
        return bad("it has code that runs when it is loaded or unloaded");
      default:
        return bad("dynamic tag ", entry.d_tag);
      }
    }
    if (!isClosed || !symbolTable || !stringTable || !stringSize || !hashTable ||
        (symbolTable | hashTable) % 8)
      return bad("a dynamic table is missing");
    if (!isReadOnly(stringTable, stringSize) || image[stringTable + stringSize - 1] != std::byte(0) ||
        soname >= stringSize)
      return bad("bad string table");
    return Status::ok();
  }

  /// The hash table has no count of symbols: each chain must end, and the longest one gives it.
  Status checkHash(uint64_t &first, uint64_t &end) {
    constexpr uint64_t limit = uint64_t(1) << 20;
    if (!isReadOnly(hashTable, 16))
      return bad("bad hash table");
    const uint64_t buckets = load<uint32_t>(hashTable), bloom = load<uint32_t>(hashTable + 8);
    first = end = load<uint32_t>(hashTable + 4);
    const uint32_t shift = load<uint32_t>(hashTable + 12);
    // Undefined symbols stand before the hashed ones: only the null symbol may.
    if (first > 1)
      return bad("it imports symbols");
    if (!buckets || buckets > limit || !bloom || (bloom & (bloom - 1)) || bloom > limit || shift > 63 ||
        !isReadOnly(hashTable + 16, bloom * 8 + buckets * 4))
      return bad("bad hash table");
    const uint64_t bucketTable = hashTable + 16 + bloom * 8, chains = bucketTable + buckets * 4;
    for (uint64_t b = 0; b < buckets; ++b) {
      const uint64_t symbol = load<uint32_t>(bucketTable + b * 4);
      if (!symbol)
        continue;
      if (symbol < first)
        return bad("bad hash table");
      // Chains that other buckets have walked already need no second walk: all symbols before `end` are known
      // to exist.
      for (uint64_t i = symbol;; ++i) {
        if (i - first > limit || !isReadOnly(chains + (i - first) * 4, 4))
          return bad("bad hash table");
        const bool isLast = load<uint32_t>(chains + (i - first) * 4) & 1;
        const bool isNew = i + 1 > end;
        end = std::max(end, i + 1);
        if (isLast || (!isNew && i != symbol))
          break;
      }
    }
    return Status::ok();
  }

  Status checkSymbols(ImageInfo &info) {
    uint64_t first = 0, end = 0;
    WEFT_RETURN_IF_ERROR(checkHash(first, end));
    numSymbols = std::max<uint64_t>(end, 1);
    if (!isReadOnly(symbolTable, numSymbols * sizeof(Elf64_Sym)))
      return bad("bad symbol table");
    for (uint64_t i = std::max<uint64_t>(first, 1); i < end; ++i) {
      const auto symbol = load<Elf64_Sym>(symbolTable + i * sizeof(Elf64_Sym));
      const int type = ELF64_ST_TYPE(symbol.st_info), bind = ELF64_ST_BIND(symbol.st_info);
      if (symbol.st_shndx == SHN_UNDEF)
        return bad("it imports a symbol");
      if (symbol.st_name >= stringSize || (type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE) ||
          (bind != STB_GLOBAL && bind != STB_WEAK) || ELF64_ST_VISIBILITY(symbol.st_other) == STV_INTERNAL ||
          symbol.st_shndx >= SHN_LORESERVE)
        return bad("a symbol of unexpected kind");
      const bool isCode = type == STT_FUNC;
      const bool isMapped = std::any_of(loads.begin(), loads.end(), [&](const Elf64_Phdr &load) {
        return (!isCode || (load.p_flags & PF_X)) && symbol.st_value >= load.p_vaddr &&
               symbol.st_value - load.p_vaddr < load.p_memsz;
      });
      if (!isMapped)
        return bad("a symbol outside the code");
      if (isCode)
        info.functions.emplace_back(reinterpret_cast<const char *>(image.data()) + stringTable +
                                    symbol.st_name);
    }
    return Status::ok();
  }

  Status checkRelocations() {
    if (!relaTable && !relaSize && !relaCount)
      return Status::ok();
    if (relaTable % 8 || relaSize % sizeof(Elf64_Rela) || !isReadOnly(relaTable, relaSize) ||
        relaCount > relaSize / sizeof(Elf64_Rela))
      return bad("bad relocation table");
    for (uint64_t i = 0; i < relaSize / sizeof(Elf64_Rela); ++i) {
      const auto reloc = load<Elf64_Rela>(relaTable + i * sizeof(Elf64_Rela));
      const auto type = uint32_t(ELF64_R_TYPE(reloc.r_info));
      const uint64_t symbol = ELF64_R_SYM(reloc.r_info);
      const bool isAddress =
          std::find(std::begin(addressRelocs), std::end(addressRelocs), type) != std::end(addressRelocs);
      if (type != relativeReloc && (i < relaCount || !isAddress || symbol == 0 || symbol >= numSymbols))
        return bad("a relocation of type ", type, " (symbol ", symbol, ")");
      const bool isMapped = std::any_of(loads.begin(), loads.end(), [&](const Elf64_Phdr &load) {
        return (load.p_flags & PF_W) && reloc.r_offset >= load.p_vaddr && load.p_memsz >= 8 &&
               reloc.r_offset - load.p_vaddr <= load.p_memsz - 8;
      });
      // The linker is still reading the dynamic section while it relocates.
      const bool hitsDynamic =
          reloc.r_offset + 8 > dynamic.p_vaddr && reloc.r_offset < dynamic.p_vaddr + dynamic.p_memsz;
      if (!isMapped || hitsDynamic)
        return bad("a relocation outside the data");
    }
    return Status::ok();
  }

  std::span<const std::byte> image;
  Elf64_Ehdr header = {};
  std::vector<Elf64_Phdr> loads;
  Elf64_Phdr dynamic = {};
  uint64_t readOnlySize = 0;
  uint64_t symbolTable = 0, numSymbols = 0, stringTable = 0, stringSize = 0, hashTable = 0, soname = 0;
  uint64_t relaTable = 0, relaSize = 0, relaCount = 0;
};

} // namespace

Result<ImageInfo> checkImage(std::span<const std::byte> image) { return Checker(image).run(); }

} // namespace weft::program
