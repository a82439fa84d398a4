#include "base/machine.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>

namespace ctclip {

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

std::string processor_name() {
    constexpr std::string_view kLabel = "model name";
    std::ifstream lines("/proc/cpuinfo");
    for (std::string line; std::getline(lines, line);) {
        std::size_t const colon = line.find(": ");
        if (line.starts_with(kLabel) && colon != std::string::npos) {
            return line.substr(colon + 2);
        }
    }
    return "unknown";
}

std::string utc_now() {
    std::time_t const now = std::time(nullptr);
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text.data();
}

std::int64_t resident_memory_bytes() {
    std::ifstream sizes("/proc/self/statm");  // in pages: all of the address space, then what is resident
    std::int64_t num_mapped = 0;
    std::int64_t num_resident = 0;
    sizes >> num_mapped >> num_resident;
    return num_resident * ::sysconf(_SC_PAGESIZE);
}

std::int64_t peak_memory_bytes() {
    struct rusage usage {};
    ::getrusage(RUSAGE_SELF, &usage);
    return std::int64_t{usage.ru_maxrss} * 1024;
}

void raise_open_file_limit() noexcept {
    struct rlimit limit {};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        // "Unlimited" would make programs that close every possible descriptor of a child take minutes.
        limit.rlim_cur = std::max(limit.rlim_cur, std::min<rlim_t>(limit.rlim_max, 1'000'000));
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

}  // namespace ctclip
