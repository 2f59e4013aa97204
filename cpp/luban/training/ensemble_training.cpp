#include <luban/training/ensemble_training.hpp>

#include <cmath>
#include <mutex>
#include <set>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/sha256.hpp>
#include <luban/core/text.hpp>
#include <luban/parallel/arena.hpp>
#include <luban/training/detail/parts.hpp>

namespace luban::training {

namespace {

constexpr const char* where = "training.fit_neural_ensemble";

void require(bool right, const std::string& expected, const std::string& received) {
  if (right) return;
  throw core::ConfigurationError({.where = where, .expected = expected, .received = received, .place = {}, .hint = {}});
}

void require_options(const NeuralEnsembleOptions& o) {
  const auto between = [](const char* name, double value, double low, double high) {
    require(value >= low && value <= high,
            std::string(name) + " from " + core::number_text(low) + " to " + core::number_text(high),
            core::number_text(value));
  };
  between("members", o.members, 2, 256);
  require(!o.hidden.empty() && o.hidden.size() <= 64, "1 to 64 blocks in `hidden`", std::to_string(o.hidden.size()));
  for (const int width : o.hidden) between("hidden", width, 1, 4096);
  between("epochs", o.epochs, 1, 1e6);
  between("minibatch", o.minibatch, 1, 1e7);
  between("learning_rate", o.learning_rate, 1e-7, 1.0);
  between("weight_decay", o.weight_decay, 0.0, 1.0);
  between("validation_share", o.validation_share, 1e-3, 0.5);
  between("patience", o.patience, 1, 1e6);
  between("beta", o.beta, 0.0, 1.0);
  between("threads", o.threads, 0, 4096);
  require(o.precision == "float32" || o.precision == "float64", "precision float32 or float64",
          core::quoted(o.precision));
  const bool cuda = o.device.rfind("cuda", 0) == 0;
  require(cuda || o.device == "cpu" || o.device == "default", "device default, cpu, cuda or cuda:N",
          core::quoted(o.device));
  if (cuda && !torch::cuda::is_available()) {
    throw core::NotBuiltError({.where = where,
                               .expected = "a GPU that torch can use",
                               .received = "none",
                               .place = core::quoted(o.device),
                               .hint = "device: default trains on the CPU"});
  }
}

void require_groups(const detail::CellData& cells) {
  const std::set<std::int32_t> groups(cells.group.begin(), cells.group.end());
  if (groups.size() >= 3) return;
  throw core::DataError({.where = where,
                         .expected = "at least three groups: each member keeps some aside to know when to stop",
                         .received = std::to_string(groups.size()),
                         .place = {},
                         .hint = "a Gaussian process needs fewer"});
}

/// Digest of everything that a member's training depends on.
std::string training_digest(const detail::CellData& cells, const NeuralEnsembleOptions& options, core::RandomKey key) {
  core::Sha256 digest;
  const auto feed = [&](const Eigen::MatrixXd& matrix) {
    digest.update(std::to_string(matrix.rows()) + "x" + std::to_string(matrix.cols()) + ";");
    digest.update(std::string_view(reinterpret_cast<const char*>(matrix.data()),
                                   static_cast<std::size_t>(matrix.size()) * sizeof(double)));
  };
  feed(cells.z);
  feed(cells.count);
  feed(cells.mean);
  feed(cells.squares);
  for (const std::int32_t group : cells.group) digest.update(std::to_string(group) + ",");
  for (const int width : options.hidden) digest.update(std::to_string(width) + "-");
  for (const double number :
       {static_cast<double>(options.epochs), static_cast<double>(options.minibatch), options.learning_rate,
        options.weight_decay, options.validation_share, static_cast<double>(options.patience), options.beta}) {
    digest.update(core::number_text(number) + ";");
  }
  digest.update(options.precision + ";" + options.device + ";" + std::to_string(key.value()));
  return digest.hex();
}

/// Torch's own threads stand back while our tasks are the threads; what the caller had comes back.
class SerialTorch {
 public:
  SerialTorch() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  ~SerialTorch() { at::set_num_threads(before_); }
  SerialTorch(const SerialTorch&) = delete;
  SerialTorch& operator=(const SerialTorch&) = delete;

 private:
  int before_;
};

EnsembleTraining::Parts make_parts(const features::Dataset& data, NeuralEnsembleOptions options, core::RandomKey key) {
  require_options(options);
  detail::CellData cells = detail::cell_data(data);
  require_groups(cells);
  detail::NetworkShape shape{
      .inputs = cells.z.cols(), .responses = data.m(), .hidden = {options.hidden.begin(), options.hidden.end()}};
  std::string digest = training_digest(cells, options, key);
  return {.encoder = data.encoder,
          .responses = data.responses,
          .cells = std::move(cells),
          .options = std::move(options),
          .key = key,
          .shape = std::move(shape),
          .digest = std::move(digest)};
}

std::optional<detail::TrainedMember> train_one(const detail::MemberTask& task, const detail::MemberStore& store,
                                               const detail::MemberControl& control) {
  const EnsembleTraining::Parts& parts = *task.parts;
  try {
    return detail::train_member(parts.cells, parts.shape, parts.options,
                                parts.key.child("member").child(static_cast<std::uint64_t>(task.member)), store,
                                parts.member_name(task.member), control);
  } catch (const c10::Error& error) {
    throw core::NumericalError({.where = where,
                                .expected = "torch to compute",
                                .received = error.what_without_backtrace(),
                                .place = "member " + std::to_string(task.member),
                                .hint = {}});
  }
}

}  // namespace

std::string EnsembleTraining::Parts::member_name(int member) const {
  return digest.substr(0, 16) + "-" + std::to_string(member);
}

namespace detail {

std::vector<std::optional<TrainedMember>> train_members(const std::vector<MemberTask>& tasks,
                                                        const CheckpointOptions& checkpoint, int threads,
                                                        const core::CallControl& control,
                                                        std::chrono::steady_clock::time_point until) {
  const MemberStore store(checkpoint);
  const SerialTorch serial;
  std::mutex reporting;
  std::int64_t done = 0;
  std::int64_t total = 0;
  for (const MemberTask& task : tasks) total += task.parts->options.epochs;
  const auto time_is_over = [until] { return std::chrono::steady_clock::now() >= until; };
  const MemberControl of_member{.check = [&] { control.check(where); },
                                .pause = time_is_over,
                                .epochs_done =
                                    [&](int epochs) {
                                      const std::lock_guard lock(reporting);
                                      done += epochs;
                                      control.report({.phase = "train networks", .done = done, .total = total});
                                    }};
  std::vector<std::optional<TrainedMember>> out(tasks.size());
  parallel::for_each_index(
      tasks.size(),
      [&](std::size_t k) {
        if (time_is_over()) return;
        at::set_num_threads(1);  // each thread has a setting of its own
        out[k] = train_one(tasks[k], store, of_member);
      },
      threads, control);
  return out;
}

}  // namespace detail

EnsembleTraining::EnsembleTraining(const features::Dataset& data, NeuralEnsembleOptions options, core::RandomKey key)
    : parts_(std::make_unique<const Parts>(make_parts(data, std::move(options), key))) {}

EnsembleTraining::~EnsembleTraining() = default;

int EnsembleTraining::members() const noexcept {
  return parts_->options.members;
}

std::string EnsembleTraining::file_name(int member) const {
  return parts_->member_name(member) + detail::member_suffix;
}

bool EnsembleTraining::finished(int member, const std::filesystem::path& folder) const {
  const auto state = detail::MemberStore({.folder = folder})
                         .load(parts_->member_name(member), static_cast<std::size_t>(parts_->shape.size()));
  return state && state->finished;
}

void train_networks(const std::vector<NetworkUnit>& units, const CheckpointOptions& checkpoint, int threads,
                    const core::CallControl& control, std::optional<core::Nanoseconds> pause_after) {
  require(!checkpoint.folder.empty(), "a folder to leave the networks in", "none");
  std::vector<detail::MemberTask> tasks;
  for (const NetworkUnit& unit : units) {
    const int members = unit.training->members();
    require(unit.member >= 0 && unit.member < members, "a member from 0 to " + std::to_string(members - 1),
            std::to_string(unit.member));
    tasks.push_back({.parts = &unit.training->parts(), .member = unit.member});
  }
  const auto until =
      pause_after ? std::chrono::steady_clock::now() + *pause_after : std::chrono::steady_clock::time_point::max();
  static_cast<void>(detail::train_members(tasks, checkpoint, threads, control, until));
}

}  // namespace luban::training
