#include "base/output_lock.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
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
#include <system_error>

#include "base/error.hpp"
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
/// dead and only waits for its parent to notice (in containers nobody may). Nothing where it cannot be seen.
std::optional<std::string> process_start(long pid) {
    std::string const line = first_line(fmt::format("/proc/{}/stat", pid).c_str());
    if (line.empty()) {
        return std::nullopt;
    }
    std::istringstream fields(line.substr(line.rfind(')') + 1));  // the name before it may hold anything
    std::string state;
    fields >> state;
    std::string start;  // the 22nd field of the line; the state is the third
    for (int number = 4; number <= 22; ++number) {
        fields >> start;
    }
    return !fields || state == "Z" || state == "X" ? "" : start;
}

/// Numbers of processes mean something within one. "" where the system does not say.
std::string pid_namespace() {
    std::error_code ignored;
    return std::filesystem::read_symlink("/proc/self/ns/pid", ignored).string();
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
            {"pid_namespace", pid_namespace()},
            {"pid", ::getpid()},
            {"process_start", process_start(::getpid()).value_or("")},
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
    } catch (Error const& error) {
        std::error_code no_file;
        if (std::filesystem::symlink_status(path, no_file).type() == std::filesystem::file_type::not_found) {
            return std::nullopt;  // its owner may release it at any moment
        }
        require(error.code() != ExitCode::kBadInput, ExitCode::kCannotCreate,
                "{} is no lock of ours ({}). Remove it if nobody works in this folder, or choose another output",
                path.string(), error.what());
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

/// Whether a process of this host and pid namespace lives. Nothing where that cannot be told: a process of
/// another user may be hidden (hidepid).
std::optional<bool> is_alive(json const& owner) {
    long const pid = number_or(text_of(owner, "pid"), 0);
    if (pid <= 0) {
        return std::nullopt;
    }
    if (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) {
        return false;
    }
    std::optional<std::string> const start = process_start(pid);
    return start ? std::optional(!start->empty() && *start == text_of(owner, "process_start")) : std::nullopt;
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
    bool const can_be_seen = std::ranges::all_of(std::array{"host", "boot_id", "pid_namespace"}, [&](auto name) {
        return text_of(lock.owner, name) == text_of(self, name);
    });
    std::optional<bool> const lives = can_be_seen ? is_alive(lock.owner) : std::nullopt;
    return lives ? !*lives : stands_still(path, lock);
}

void require_stale(std::filesystem::path const& path, LockContent const& lock, json const& self) {
    require(is_stale(path, lock, self), ExitCode::kCannotCreate,
            "{} is in use by {} (two jobs in one folder would undo each other's work). Wait for it, or choose another "
            "output",
            path.parent_path().string(), describe(lock.owner));
}

/// Nothing if somebody else's lock is there.
FileDescriptor try_create(std::filesystem::path const& path, std::string const& content) {
    FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!file) {
        int const error = errno;
        if (error != EEXIST) {
            fail_errno(ExitCode::kCannotCreate, "cannot create " + path.string(), error);
        }
        return file;
    }
    try {
        append_all(file, path, content);
        if (::fsync(file.get()) != 0) {  // after a power cut, a lock without its owner could only be watched
            fail_errno(ExitCode::kIoError, "cannot sync " + path.string(), errno);
        }
    } catch (Error const&) {
        ::unlink(path.c_str());
        throw;
    }
    return file;
}

/// Puts our lock in the place of a stale one. Several jobs may find it stale at once, and the slower ones
/// must not remove what the fastest has put there since: so only the holder of a claim, milliseconds long,
/// may remove it, and only after another look.
/// @return nothing if another job was faster, or is at it.
FileDescriptor take_over(std::filesystem::path const& path, LockContent const& stale, std::string const& content) {
    std::filesystem::path const claim = path.string() + ".takeover";
    std::error_code ignored;
    if (!try_create(claim, content)) {
        auto const other = read_lock(claim);
        if (other && stands_still(claim, *other)) {
            std::filesystem::remove(claim, ignored);  // its owner died in those milliseconds
        }
        return {};
    }
    auto const now = read_lock(path);
    if (now && now->owner == stale.owner) {
        std::filesystem::remove(path, ignored);
    }
    FileDescriptor taken = try_create(path, content);
    std::filesystem::remove(claim, ignored);
    return taken;
}

}  // namespace

OutputLock::OutputLock(std::filesystem::path const& folder, std::string_view program)
    : path_(folder / kLockName), nonce_(make_nonce()) {
    json const self = describe_owner(program, nonce_);
    std::string const content = beat_text(0) + self.dump();
    file_ = try_create(path_, content);
    while (!file_) {
        if (auto const lock = read_lock(path_)) {
            require_stale(path_, *lock, self);
            log_info("taking over {} from {}, which is gone", folder.string(), describe(lock->owner));
            file_ = take_over(path_, *lock, content);
        } else {
            file_ = try_create(path_, content);  // released since
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

void OutputLock::require_free(std::filesystem::path const& folder) {
    std::filesystem::path const path = folder / kLockName;
    if (auto const lock = read_lock(path)) {
        require_stale(path, *lock, describe_owner("", ""));
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
        // Through the file that was created: under its name may be the lock of a job that took over. To close
        // a descriptor makes NFS send what was written; fsync would wait for all of a local disk.
        std::string const text = beat_text(count);
        bool const is_written = ::pwrite(file_.get(), text.data(), text.size(), 0) == kBeatDigits;
        if (!is_written || ::close(::dup(file_.get())) != 0) {
            log_warning("the heartbeat of {} cannot be written: {}", path_.string(),
                        std::generic_category().message(errno));
        }
    }
}

}  // namespace ctclip
