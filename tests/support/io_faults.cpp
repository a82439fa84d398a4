#include "support/io_faults.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <liburing.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>

namespace ctclip {
namespace {

std::mutex fault_mutex;
FaultPlan* fault_plan = nullptr;

/// Needs the lock.
bool is_meant(char const* call, std::string const& path, FaultKind kind) {
    return fault_plan != nullptr && fault_plan->call == call && fault_plan->kind == kind &&
           path.starts_with(fault_plan->folder) &&
           (!path.ends_with(".lock") || path == fault_plan->folder);
}

void take_long(char const* call, std::string const& path) {
    std::chrono::milliseconds delay{};
    {
        std::lock_guard const guard(fault_mutex);
        if (is_meant(call, path, FaultKind::kSlow)) {
            fault_plan->num_calls += 1;
            delay = fault_plan->delay;
        }
    }
    std::this_thread::sleep_for(delay);
}

bool is_due(char const* call, std::string const& path, FaultKind kind) {
    std::lock_guard const guard(fault_mutex);
    if (!is_meant(call, path, kind)) {
        return false;
    }
    int const number = ++fault_plan->num_calls;
    bool const is_hit =
        number == fault_plan->fatal_number || (fault_plan->is_for_ever && number > fault_plan->fatal_number);
    fault_plan->has_fired = fault_plan->has_fired || is_hit;
    if (is_hit) {
        errno = fault_plan->error_number;
    }
    return is_hit;
}

bool has_links(std::string const& path) {
    std::lock_guard const guard(fault_mutex);
    return fault_plan == nullptr || fault_plan->has_links || !path.starts_with(fault_plan->folder);
}

/// For calls that are on no path.
std::string every_folder() {
    std::lock_guard const guard(fault_mutex);
    return fault_plan == nullptr ? "" : fault_plan->folder;
}

std::string path_of(int descriptor) {
    char target[4096];
    std::string const link = fmt::format("/proc/self/fd/{}", descriptor);
    ssize_t const length = ::readlink(link.c_str(), target, sizeof target);
    return length < 0 ? "" : std::string(target, static_cast<std::size_t>(length));
}

bool is_write_due(int descriptor, FaultKind kind) { return is_due("write", path_of(descriptor), kind); }

/// The library's own function behind one that stands before it here.
template <class Function>
Function* next_in_line(char const* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// Errors that the write now under way in a ring is to end with.
std::map<io_uring*, int> ring_errors;

/// What has been prepared in the ring and not been submitted: at most one write.
void apply_fault_to_prepared(io_uring* ring) {
    if (ring->sq.sqe_tail == ring->sq.sqe_head) {
        return;
    }
    io_uring_sqe& write = ring->sq.sqes[ring->sq.sqe_head & ring->sq.ring_mask];
    if (is_write_due(write.fd, FaultKind::kErrno)) {
        std::lock_guard const guard(fault_mutex);
        ring_errors[ring] = errno;
    } else if (is_write_due(write.fd, FaultKind::kShortWrite)) {
        write.len /= 2;
    }
}

}  // namespace

void arm_faults(FaultPlan* plan) {
    std::lock_guard const guard(fault_mutex);
    fault_plan = plan;
}

}  // namespace ctclip

// These stand before libc's for everything linked into this program.
extern "C" {

ssize_t write(int descriptor, void const* data, size_t size) {
    if (ctclip::is_write_due(descriptor, ctclip::FaultKind::kErrno)) {
        return -1;
    }
    bool const is_short = size > 1 && ctclip::is_write_due(descriptor, ctclip::FaultKind::kShortWrite);
    return syscall(SYS_write, descriptor, data, is_short ? size / 2 : size);
}

ssize_t pwrite(int descriptor, void const* data, size_t size, off_t offset) {
    if (ctclip::is_write_due(descriptor, ctclip::FaultKind::kErrno)) {
        return -1;
    }
    bool const is_short = size > 1 && ctclip::is_write_due(descriptor, ctclip::FaultKind::kShortWrite);
    return syscall(SYS_pwrite64, descriptor, data, is_short ? size / 2 : size, offset);
}

int io_uring_queue_init(unsigned entries, io_uring* ring, unsigned flags) {
    if (ctclip::is_due("io_uring_queue_init", ctclip::every_folder(), ctclip::FaultKind::kErrno)) {
        return -errno;
    }
    return ctclip::next_in_line<decltype(io_uring_queue_init)>("io_uring_queue_init")(entries, ring, flags);
}

int io_uring_submit(io_uring* ring) {
    ctclip::apply_fault_to_prepared(ring);
    return ctclip::next_in_line<decltype(io_uring_submit)>("io_uring_submit")(ring);
}

int io_uring_wait_cqes(io_uring* ring, io_uring_cqe** completion, unsigned count, __kernel_timespec* time,
                       sigset_t* signals) {
    int const status = ctclip::next_in_line<decltype(io_uring_wait_cqes)>("io_uring_wait_cqes")(
        ring, completion, count, time, signals);
    std::lock_guard const guard(ctclip::fault_mutex);
    auto const error = ctclip::ring_errors.find(ring);
    if (status == 0 && error != ctclip::ring_errors.end()) {
        (*completion)->res = -error->second;
        ctclip::ring_errors.erase(error);
    }
    return status;
}

ssize_t pread(int descriptor, void* data, size_t size, off_t offset) {
    if (ctclip::is_due("pread", ctclip::path_of(descriptor), ctclip::FaultKind::kErrno)) {
        return -1;
    }
    return syscall(SYS_pread64, descriptor, data, size, offset);
}

int fsync(int descriptor) {
    ctclip::take_long("fsync", ctclip::path_of(descriptor));
    if (ctclip::is_due("fsync", ctclip::path_of(descriptor), ctclip::FaultKind::kErrno)) {
        return -1;
    }
    return static_cast<int>(syscall(SYS_fsync, descriptor));
}

int close(int descriptor) {
    bool const fails = ctclip::is_due("close", ctclip::path_of(descriptor), ctclip::FaultKind::kErrno);
    int const error_number = errno;
    int const status =
        static_cast<int>(syscall(SYS_close, descriptor));  // Linux closes even when it reports an error
    errno = fails ? error_number : errno;
    return fails ? -1 : status;
}

int open(char const* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t const mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    if (ctclip::is_due("open", path, ctclip::FaultKind::kErrno)) {
        return -1;
    }
    return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

int link(char const* from, char const* to) {
    if (!ctclip::has_links(to)) {
        errno = EPERM;
        return -1;
    }
    if (ctclip::is_due("link", to, ctclip::FaultKind::kErrno)) {
        return -1;
    }
    int const status = static_cast<int>(syscall(SYS_link, from, to));
    return ctclip::is_due("link", to, ctclip::FaultKind::kLostReply) ? -1 : status;
}

int unlink(char const* path) {
    if (ctclip::is_due("unlink", path, ctclip::FaultKind::kErrno)) {
        return -1;
    }
    return static_cast<int>(syscall(SYS_unlink, path));
}

int rename(char const* from, char const* to) {
    if (ctclip::is_due("rename", to, ctclip::FaultKind::kErrno)) {
        return -1;
    }
    return static_cast<int>(syscall(SYS_rename, from, to));
}

int renameat2(int from_folder, char const* from, int to_folder, char const* to, unsigned flags) {
    if (ctclip::is_due("renameat2", to, ctclip::FaultKind::kErrno)) {
        return -1;
    }
    return static_cast<int>(syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

int stat(char const* path, struct stat* status) {
    if (ctclip::is_due("stat", path, ctclip::FaultKind::kErrno)) {
        return -1;
    }
    return static_cast<int>(syscall(SYS_newfstatat, AT_FDCWD, path, status, 0));
}

}  // extern "C"
