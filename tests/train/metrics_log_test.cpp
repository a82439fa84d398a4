#include "train/metrics_log.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/temp_dir.hpp"

namespace ctclip {
namespace {

TEST(MetricsLog, AppendsOneLinePerRecord) {
    TempDir const dir;
    MetricsLog log(dir / "metrics.jsonl", {});
    log.append({{"step", 1}, {"loss", 2.5}});
    log.append({{"step", 2}, {"loss", 2.25}});
    EXPECT_EQ(read_text_file(dir / "metrics.jsonl"),
              "{\"step\":1,\"loss\":2.5}\n{\"step\":2,\"loss\":2.25}\n");
}

TEST(MetricsLog, ResumeDropsLaterStepsAndATornLine) {
    TempDir const dir;
    std::ofstream(dir / "metrics.jsonl")
        << "{\"step\":1}\n{\"step\": 2, \"note\": \"kept\"}\n{\"step\":3}\n{\"st";
    MetricsLog log(dir / "metrics.jsonl", {.trained = 2});
    log.append({{"step", 3}});
    EXPECT_EQ(read_text_file(dir / "metrics.jsonl"),
              "{\"step\":1}\n{\"step\": 2, \"note\": \"kept\"}\n{\"step\":3}\n");
}

TEST(MetricsLog, ResumeDropsAValidationThatIsStillToCome) {
    TempDir const dir;
    std::ofstream(dir / "metrics.jsonl") << "{\"step\":1,\"val_auroc\":0.5}\n{\"step\":2}\n"
                                            "{\"step\":2,\"epoch\":0.5,\"val_auroc\":0.5}\n";
    MetricsLog const log(dir / "metrics.jsonl", {.trained = 2, .validated = 1});
    EXPECT_EQ(read_text_file(dir / "metrics.jsonl"), "{\"step\":1,\"val_auroc\":0.5}\n{\"step\":2}\n");
}

TEST(MetricsLog, ResumeKeepsLinesThatItDoesNotUnderstand) {
    TempDir const dir;
    std::string const text = "{\"step\":1}\nsomebody's note\n{\"step\":\"two\"}\n[1]\n\n";
    std::ofstream(dir / "metrics.jsonl") << text;
    MetricsLog const log(dir / "metrics.jsonl", {.trained = 1});
    EXPECT_EQ(read_text_file(dir / "metrics.jsonl"), text);
}

}  // namespace
}  // namespace ctclip
