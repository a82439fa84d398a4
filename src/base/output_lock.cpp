#include "base/output_lock.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <sstream>

#include "base/error.hpp"
#include "base/file_descriptor.hpp"
#include "base/log.hpp"
#include "base/machine.hpp"

namespace ctclip {
namespace {

using nlohmann::json;

constexpr char const* kLockName = ".ctclip.lock";
constexpr std::chrono::seconds kBeatInterval{5};
constexpr std::chrono::seconds kWatchTime{12};
constexpr std::uint64_t kMaxLockBytes = 4096;
/// The file starts with this many digits, so that a beat is one small overwrite in place; the owner follows.
constexpr int kBeatDigits = 12;

std::string beat_text(std::uint64_t beat) {
    return fmt::format("{:0{}}", beat, kBeatDigits);
}

std::string first_line(char const* path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

/// Start of a process in clock ticks since boot: tells it from a later one with the same number. "" if it is
/// gone, or dead and only waits for its parent to notice (in containers nobody may).
std::string process_start(long pid) {
    std::string const line = first_line(fmt::format("/proc/{}/stat", pid).c_str());
    std::istringstream fields(line.substr(line.rfind(')') + 1));  // the name before it may hold anything
    std::string state;
    fields >> state;
    std::string start;  // the 22nd field of the line; the state is the third
    for (int number = 4; number <= 22; ++number) {
        fields >> start;
    }
    return !fields || state == "Z" || state == "X" ? "" : start;
}

std::string environment(char const* name) {
    char const* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::string make_nonce() {
    std::random_device entropy;
    return fmt::format("{:08x}{:08x}{:08x}", entropy(), entropy(), entropy());
}

json describe_owner(std::string_view program, std::string const& nonce) {
    return {{"program", program},
            {"host", host_name()},
            {"boot_id", first_line("/proc/sys/kernel/random/boot_id")},
            {"pid", ::getpid()},
            {"process_start", process_start(::getpid())},
            {"slurm_job_id", environment("SLURM_JOB_ID")},
            {"slurm_restart_count", environment("SLURM_RESTART_COUNT")},
            {"nonce", nonce}};
}

struct LockContent {
    std::string beat;
    json owner;
};

/// Nothing if there is no lock. A lock that cannot be understood has an empty owner.
std::optional<LockContent> read_lock(std::filesystem::path const& path) {
    std::string text;
    try {
        text = read_text_file(path, kMaxLockBytes);
    } catch (Error const&) {
        if (!std::filesystem::exists(path)) {
            return std::nullopt;  // its owner may release it at any moment
        }
        throw;
    }
    std::size_t const digits = std::min<std::size_t>(kBeatDigits, text.size());
    json owner = json::parse(text.substr(digits), nullptr, /*allow_exceptions=*/false);
    return LockContent{text.substr(0, digits), owner.is_object() ? std::move(owner) : json::object()};
}

std::string text_of(json const& owner, char const* name) {
    auto const found = owner.find(name);
    return found == owner.end() ? "" : (found->is_string() ? found->get<std::string>() : found->dump());
}

std::string describe(json const& owner) {
    std::string const job = text_of(owner, "slurm_job_id");
    return fmt::format("{} (process {} on host {}{})", text_of(owner, "program"), text_of(owner, "pid"),
                       text_of(owner, "host"), job.empty() ? "" : ", Slurm job " + job);
}

long number_or(std::string const& text, long otherwise) {
    long value = otherwise;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

bool is_earlier_start_of_this_job(json const& owner, json const& self) {
    std::string const job = text_of(self, "slurm_job_id");
    return !job.empty() && text_of(owner, "slurm_job_id") == job &&
           number_or(text_of(owner, "slurm_restart_count"), 0) <
               number_or(text_of(self, "slurm_restart_count"), 0);
}

bool is_alive_on_this_host(json const& owner) {
    std::string const start = process_start(number_or(text_of(owner, "pid"), 0));
    return !start.empty() && start == text_of(owner, "process_start");
}

bool stands_still(std::filesystem::path const& path, LockContent const& before) {
    auto const deadline = std::chrono::steady_clock::now() + kWatchTime;
    while (std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
        auto const now = read_lock(path);
        if (!now || now->beat != before.beat || now->owner != before.owner) {
            return false;
        }
    }
    return true;
}

bool is_stale(std::filesystem::path const& path, LockContent const& lock, json const& self) {
    if (is_earlier_start_of_this_job(lock.owner, self)) {
        return true;
    }
    bool const is_same_boot = text_of(lock.owner, "host") == text_of(self, "host") &&
                              text_of(lock.owner, "boot_id") == text_of(self, "boot_id");
    return is_same_boot ? !is_alive_on_this_host(lock.owner) : stands_still(path, lock);
}

/// False if somebody else's lock is there.
bool try_create(std::filesystem::path const& path, std::string const& content) {
    FileDescriptor const file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!file) {
        if (errno == EEXIST) {
            return false;
        }
        fail_errno(ExitCode::kCannotCreate, "cannot create " + path.string(), errno);
    }
    if (::write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
        fail_errno(ExitCode::kIoError, "cannot write " + path.string(), errno);
    }
    if (::fsync(file.get()) != 0) {  // after a power cut, a lock without its owner could only be watched
        fail_errno(ExitCode::kIoError, "cannot sync " + path.string(), errno);
    }
    return true;
}

/// Puts our lock in the place of a stale one. Several jobs may find it stale at once, and the slower ones
/// must not remove what the fastest has put there since: so only the holder of a claim, milliseconds long,
/// may remove it, and only after another look.
/// @return false if another job was faster, or is at it.
bool take_over(std::filesystem::path const& path, LockContent const& stale, std::string const& content) {
    std::filesystem::path const claim = path.string() + ".takeover";
    std::error_code ignored;
    if (!try_create(claim, content)) {
        auto const other = read_lock(claim);
        if (other && stands_still(claim, *other)) {
            std::filesystem::remove(claim, ignored);  // its owner died in those milliseconds
        }
        return false;
    }
    auto const now = read_lock(path);
    if (now && now->owner == stale.owner) {
        std::filesystem::remove(path, ignored);
    }
    bool const is_taken = try_create(path, content);
    std::filesystem::remove(claim, ignored);
    return is_taken;
}

}  // namespace

OutputLock::OutputLock(std::filesystem::path const& folder, std::string_view program)
    : path_(folder / kLockName), nonce_(make_nonce()) {
    json const self = describe_owner(program, nonce_);
    std::string const content = beat_text(0) + self.dump();
    for (bool is_ours = try_create(path_, content); !is_ours;) {
        if (auto const lock = read_lock(path_)) {
            require(
                is_stale(path_, *lock, self), ExitCode::kCannotCreate,
                "{} is in use by {} (two jobs in one folder would undo each other's work). Wait for it, or "
                "choose another output",
                folder.string(), describe(lock->owner));
            log_info("taking over {} from {}, which is gone", folder.string(), describe(lock->owner));
            is_ours = take_over(path_, *lock, content);
        } else {
            is_ours = try_create(path_, content);  // released since
        }
    }
    heart_ = std::jthread([this](std::stop_token const& stop) { beat(stop); });
}

OutputLock::~OutputLock() {
    heart_.request_stop();
    heart_.join();
    try {
        require_held();
        std::filesystem::remove(path_);
    } catch (std::exception const& error) {
        log_warning("{}", error.what());
    }
}

void OutputLock::require_held() const {
    auto const lock = read_lock(path_);
    require(lock && text_of(lock->owner, "nonce") == nonce_, ExitCode::kTryAgain,
            "{} is no longer ours: {} took it over while this process stood still", path_.string(),
            lock ? describe(lock->owner) : "somebody");
}

void OutputLock::beat(std::stop_token const& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock guard(mutex);
    for (std::uint64_t count = 1; !wake.wait_for(guard, stop, kBeatInterval, [] { return false; }); ++count) {
        if (stop.stop_requested()) {
            return;
        }
        FileDescriptor const file(::open(path_.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC));
        std::string const text = beat_text(count);
        if (!file || ::pwrite(file.get(), text.data(), text.size(), 0) != kBeatDigits) {
            log_warning("the heartbeat of {} cannot be written", path_.string());
        }
    }
}

}  // namespace ctclip
