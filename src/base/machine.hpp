/// Facts about this process and the machine that it runs on.
#pragma once

#include <cstdint>
#include <string>

namespace ctclip {

std::string host_name();       ///< "unknown" where the system does not say
std::string processor_name();  ///< "unknown" where the system does not say
std::string utc_now();         ///< "2026-11-26T09:30:00Z"
/// The resident size of this process now.
std::int64_t resident_memory_bytes();
/// The largest resident size of this process so far.
std::int64_t peak_memory_bytes();
/// Lets this process open as many files at once as the system allows it (`ulimit -Hn`; a million at most).
void raise_open_file_limit() noexcept;

}  // namespace ctclip
