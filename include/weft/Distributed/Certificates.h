// Part of Weft, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A job's own certificate authority, for ranks on several hosts. It signs one certificate for each rank, and
// then its key is thrown away: nobody can join later.
#ifndef WEFT_DISTRIBUTED_CERTIFICATES_H
#define WEFT_DISTRIBUTED_CERTIFICATES_H

#include "weft/Distributed/Rpc.h"

namespace weft::distributed {

/// Makes `folder`/<rank>/ca.pem, cert.pem and key.pem with the program openssl; readable by this user alone.
Status makeCertificates(const std::string &folder, uint32_t numRanks);
/// ca.pem, cert.pem and key.pem of a folder.
Result<Certificates> readCertificates(const std::string &folder);

} // namespace weft::distributed

#endif // WEFT_DISTRIBUTED_CERTIFICATES_H
