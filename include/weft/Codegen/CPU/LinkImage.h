// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Objects of kernels -> one shared-object image, by ld.lld as a separate process. The image imports nothing
// and exports the kernels' entry points; it is the code of a program, in memory or in a file.
#ifndef WEFT_CODEGEN_CPU_LINKIMAGE_H
#define WEFT_CODEGEN_CPU_LINKIMAGE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

namespace weft::cpu {

/// The image's bytes. Each element of `objects` is a relocatable ELF object. Errors: ld.lld is not found, or
/// what it says.
llvm::Expected<llvm::SmallVector<char, 0>> linkImage(llvm::ArrayRef<llvm::StringRef> objects);
/// The objects as one relocatable object, for linking into a program of one's own.
llvm::Expected<llvm::SmallVector<char, 0>> linkRelocatable(llvm::ArrayRef<llvm::StringRef> objects);

} // namespace weft::cpu

#endif // WEFT_CODEGEN_CPU_LINKIMAGE_H
