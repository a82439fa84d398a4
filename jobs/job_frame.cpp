#include "jobs/job_frame.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <thread>
#include <vector>

#include "base/build_info.hpp"
#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "base/machine.hpp"
#include "jobs/program_frame.hpp"
#include "mpi/failure_exchange.hpp"
#include "mpi/mpi_session.hpp"
#include "mpi/watchdog.hpp"

namespace ctclip {
namespace {

struct JobOptions : ProgramOptions {
    bool wants_dump = false;
    bool is_dry_run = false;
    std::optional<std::filesystem::path> config;
    std::vector<std::string> assignments;

    void bind(Schema& schema) {
        schema.option("--config", config, "YAML configuration file");
        schema.option("--set", assignments, "KEY=VALUE, wins over the file; may be repeated");
        schema.option("--dump-config", wants_dump,
                      "print the resolved configuration with the origin of each value");
        schema.option("--dry-run", is_dry_run, "check inputs, space and world; write nothing");
        ProgramOptions::bind(schema, "with --version: as JSON");
    }
};

/// One file may configure all jobs.
constexpr char const* kSections[] = {"convert",    "experiment", "data",   "model", "training", "validation",
                                     "checkpoint", "logging",    "device", "run",   "evaluate"};

/// Before MPI runs: whether this process speaks for all.
bool is_first_process() {
    for (char const* const variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"}) {
        if (char const* const rank = std::getenv(variable)) {
            return std::strcmp(rank, "0") == 0;
        }
    }
    return true;
}

int end_before_start(Failure const& failure) {
    if (failure && is_first_process()) {
        log_failure(failure);
    } else if (failure) {
        // The launcher ends all processes at the first that fails: let the one with the message be first.
        // Then the launcher's SIGTERM must not take the place of this code.
        std::signal(SIGTERM, SIG_IGN);
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
    }
    return static_cast<int>(failure.code);
}

void resolve(Schema& schema, JobOptions const& options, CommandLine const& command_line) {
    for (char const* const section : kSections) {
        schema.section_of_other_program(section);
    }
    if (options.config) {
        schema.load_file(*options.config);
    }
    for (std::string const& assignment : options.assignments) {
        schema.set(assignment);
    }
    command_line.apply_to(schema);
    schema.check();
}

/// Collective. The worst code of all ranks. Each rank's own failure is printed, but once when all have one:
/// files may be missing on one host only.
ExitCode agree(Communicator& communicator, Failure const& failure) {
    std::int64_t worst = static_cast<std::int64_t>(failure.code);
    std::int64_t num_failed = failure ? 1 : 0;
    communicator.all_reduce(&worst, 1, Element::kI64, Reduction::kMax);
    communicator.all_reduce(&num_failed, 1, Element::kI64, Reduction::kSum);
    bool const have_all_failed = num_failed == communicator.world_size();
    if (failure && (communicator.rank() == 0 || !have_all_failed)) {
        log_failure(failure);
    }
    return static_cast<ExitCode>(worst);
}

/// Collective. Ranks that resolved different settings, or run different builds, would wait for each other for
/// ever.
void require_equal_settings(Communicator& communicator, Schema const& schema) {
    constexpr std::size_t kHexDigits = 64;
    std::string const mine = sha256_hex(software_name() + "\n" + schema.values_yaml());
    std::string all(kHexDigits * static_cast<std::size_t>(communicator.world_size()), '\0');
    communicator.all_gather(mine.data(), all.data(), kHexDigits);
    for (std::size_t rank = 0; rank * kHexDigits < all.size(); ++rank) {
        require(all.compare(rank * kHexDigits, kHexDigits, all, 0, kHexDigits) == 0, ExitCode::kBadConfig,
                "rank {} has another configuration or another build than rank 0. Use the same files, "
                "environment and "
                "binaries on every host.",
                rank);
    }
}

void log_banner(JobDescription const& description, MpiSession const& session, Schema const& schema) {
    if (session.communicator().rank() != 0) {
        return;
    }
    int const world_size = session.communicator().world_size();
    log_info("{} {} (git {}), {} rank{} ({} on this host)", description.program, build_info().version,
             build_info().git_hash, world_size, world_size == 1 ? "" : "s", session.local_size());
    if (char const* const job_id = std::getenv("SLURM_JOB_ID")) {
        char const* const restarts = std::getenv("SLURM_RESTART_COUNT");
        log_info("Slurm job {}, restart {}", job_id, restarts == nullptr ? "0" : restarts);
    }
    for (std::string const& note : schema.notes()) {
        log_info("{}", note);
    }
}

/// For the watchdog: says which rank is at fault and ends the job, whatever the main thread does.
[[noreturn]] void end_stuck_job(std::string const& fault) {
    log_error("{}. The job ends; what was saved is intact: run the same command again.", fault);
    MpiSession::abort_while_stuck(ExitCode::kTryAgain);
}

/// Ends all ranks: others may wait for this one in a collective. What all ranks have to say is said once.
[[noreturn]] void end_all_ranks(JobContext& job, FailureExchange& exchange, Failure const& failure) {
    bool const is_rank_0 = job.rank() == 0;
    if (is_rank_0) {
        log_failure(failure);
    } else if (job.watchdog() != nullptr) {
        job.watchdog()->report_failure();
    }
    auto const is_rank_0_saving = [&] {
        return job.watchdog() != nullptr && job.watchdog()->is_rank_0_saving();
    };
    if (!exchange.is_said_by_rank_0(failure.text, is_rank_0_saving) && !is_rank_0) {
        log_failure(failure);
    }
    job.session().abort(failure.code);
}

int run_in_session(MpiSession& session, JobDescription const& description, Schema& schema,
                   JobOptions const& options, CommandLine const& command_line,
                   std::function<void(JobContext&)> const& body) {
    Communicator& communicator = session.communicator();
    Failure const unresolved = failure_of([&] { resolve(schema, options, command_line); });
    if (ExitCode const code = agree(communicator, unresolved); code != ExitCode::kDone) {
        return static_cast<int>(code);
    }
    if (options.wants_dump) {
        Failure const unwritten = failure_of([&] {
            write_stdout(communicator.rank() == 0 ? schema.dump_yaml() : "");
            flush_stdout();
        });
        return static_cast<int>(agree(communicator, unwritten));
    }
    Failure const unequal = failure_of([&] { require_equal_settings(communicator, schema); });
    if (ExitCode const code = agree(communicator, unequal); code != ExitCode::kDone) {
        return static_cast<int>(code);
    }

    FailureExchange exchange;
    install_stop_signals();  // again: MPI has started meanwhile
    log_banner(description, session, schema);
    JobContext context(session, schema, options.is_dry_run, options.progress_style());
    Failure const failure = failure_of([&] {
        body(context);
        flush_stdout();
    });
    bool const may_others_wait = failure && !failure.is_stop && communicator.world_size() > 1;
    if (may_others_wait) {
        end_all_ranks(context, exchange, failure);
    }
    if (failure && communicator.rank() == 0) {
        log_failure(failure);
    }
    return static_cast<int>(failure.code);
}

}  // namespace

JobContext::JobContext(MpiSession& session, Schema const& schema, bool is_dry_run,
                       ProgressStyle progress_style)
    : session_(session), schema_(schema), is_dry_run_(is_dry_run), progress_style_(progress_style) {}

JobContext::~JobContext() = default;

void JobContext::watch(IdleLimit const& limit) {
    if (limit.step_s > 0.0 && !is_dry_run_) {
        watchdog_ = std::make_unique<Watchdog>(communicator(), limit, end_stuck_job);
    }
}

Communicator& JobContext::communicator() const noexcept {
    return session_.communicator();
}

void JobContext::write(std::string_view text) const {
    if (rank() == 0) {
        write_stdout(text);
    }
}

Progress JobContext::progress(std::string what, std::string unit, std::int64_t total) const {
    return Progress(std::move(what), std::move(unit), total,
                    rank() == 0 ? progress_style_ : ProgressStyle::kSilent);
}

int run_job(int argc, char** argv, JobDescription const& description,
            std::function<void(Schema&)> const& bind, std::function<void(JobContext&)> const& body) {
    JobOptions options;
    Schema shared_options;
    Schema schema;
    std::optional<CommandLine> command_line;
    bool is_answered = false;
    Failure const bad_usage = failure_of([&] {
        options.bind(shared_options);
        bind(schema);
        command_line.emplace(words_of(argc, argv), std::vector<Schema*>{&schema, &shared_options});
        command_line->apply_to(shared_options);
        shared_options.check();
        options.apply_to_log();
        ProgramOptions const asked = is_first_process() ? options : ProgramOptions{};
        is_answered = answer_questions(asked, description, schema, shared_options) || options.wants_help ||
                      options.wants_version;
    });
    if (bad_usage || is_answered) {
        return end_before_start(bad_usage);
    }

    install_stop_signals();  // a stop that comes while the ranks meet counts too
    std::unique_ptr<MpiSession> session;
    Failure const no_session = failure_of([&] { session = std::make_unique<MpiSession>(); });
    if (no_session) {
        return end_before_start(no_session);
    }
    raise_open_file_limit();  // every shard of a data set stays open
    // What escapes has broken a collective: others may wait in it for ever.
    int code = 0;
    Failure const broken = failure_of(
        [&] { code = run_in_session(*session, description, schema, options, *command_line, body); });
    if (broken) {
        log_failure(broken);
        session->abort(broken.code);
    }
    return code;
}

}  // namespace ctclip
