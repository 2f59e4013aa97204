#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

#include <luban/core/error.hpp>
#include <luban/core/text.hpp>
#include <luban/surrogate/detail/factorisation.hpp>
#include <luban/surrogate/detail/matching_data.hpp>
#include <luban/surrogate/gaussian_process_impl.hpp>

namespace luban::surrogate {

namespace {

const detail::TrainingData& named(const detail::FittedResponse& one, const char* where) {
  const detail::TrainingData& data = one.process->target().data();
  if (data.known_within > 0.0) {
    throw core::LifecycleError({.where = where,
                                .expected = "a surrogate that has learned its noise",
                                .received = "one whose noise variances were given",
                                .place = {},
                                .hint = "fit it again to all readings with their variances"});
  }
  if (data.run_ids.size() == data.runs.size() && data.readings.size() == data.u()) return data;
  throw core::LifecycleError({.where = where,
                              .expected = "a surrogate that knows its runs by name",
                              .received = "one from an artefact of an earlier version, without names",
                              .place = {},
                              .hint = "fit it again"});
}

// One response at the same hyperparameters, its rows changed.
detail::FittedResponse changed(const detail::FittedResponse& one, const ModelSpec& model,
                               detail::ChangedData&& change) {
  const detail::LogPosterior& old = one.process->target();
  const auto target = std::make_shared<const detail::LogPosterior>(model, old.shared_covariance(),
                                                                   std::move(change.data), old.present());
  detail::FittedResponse out{one.process->changed(target, change.removed, change.added), one.report, one.curvature};
  const detail::LogPosterior::Value value =
      target->value_of(one.process->theta(), out.process->mean(), out.process->alpha(), out.process->lower());
  out.report.log_likelihood = value.log_likelihood;
  out.report.log_posterior = value.log_posterior;
  out.report.jitter = out.process->jitter();
  out.report.degraded = out.process->degraded();
  out.report.readings = target->data().n;
  out.report.points = target->data().u();
  out.report.runs = static_cast<Eigen::Index>(target->data().runs.size());
  return out;
}

// Rows of each group of runs that is left out together.
std::vector<std::vector<Eigen::Index>> rows_of_groups(const detail::TrainingData& data,
                                                      const std::vector<std::vector<std::string>>& groups) {
  std::map<std::string, std::size_t> group_of;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const std::string& run : groups[g]) group_of.emplace(run, g);
  }
  std::vector<std::vector<Eigen::Index>> out(groups.size());
  for (std::size_t run = 0; run < data.runs.size(); ++run) {
    const auto [at, alone] = group_of.try_emplace(data.run_ids[run], out.size());
    if (alone) out.emplace_back();
    std::vector<Eigen::Index>& rows = out[at->second];
    rows.insert(rows.end(), data.runs[run].begin(), data.runs[run].end());
  }
  std::erase_if(out, [](const std::vector<Eigen::Index>& rows) { return rows.empty(); });
  return out;
}

void require_once(const std::vector<std::vector<std::string>>& groups) {
  std::set<std::string> seen;
  for (const std::vector<std::string>& group : groups) {
    for (const std::string& run : group) {
      if (seen.insert(run).second) continue;
      throw core::ConfigurationError({.where = "surrogate.GaussianProcess.left_out",
                                      .expected = "each run in one group",
                                      .received = core::quoted(run) + " twice",
                                      .place = "argument groups",
                                      .hint = {}});
    }
  }
}

// Every name must be a run of some response.
void require_known(const std::vector<std::string>& runs, const std::vector<detail::FittedResponse>& fitted,
                   const char* where) {
  std::set<std::string> known;
  for (const detail::FittedResponse& one : fitted) {
    const std::vector<std::string>& ids = named(one, where).run_ids;
    known.insert(ids.begin(), ids.end());
  }
  for (const std::string& run : runs) {
    if (known.contains(run)) continue;
    const std::vector<std::string> names(known.begin(), known.end());
    throw core::DataError({.where = where,
                           .expected = "a run that a response has learned from",
                           .received = core::quoted(run),
                           .place = {},
                           .hint = core::nearest_hint(run, names)});
  }
}

void require_rest(bool rest, const features::ResponseColumn& response, const char* where) {
  if (rest) return;
  throw core::DataError({.where = where,
                         .expected = "at least one run that stays",
                         .received = "all of them",
                         .place = "response " + core::quoted(response.name),
                         .hint = {}});
}

}  // namespace

const std::vector<std::string>& GaussianProcess::run_ids(Eigen::Index response) const {
  return named(impl_->fitted.at(static_cast<std::size_t>(response)), "surrogate.GaussianProcess.run_ids").run_ids;
}

std::shared_ptr<const GaussianProcess> GaussianProcess::condition_on(const features::Dataset& data) const {
  constexpr const char* where = "surrogate.GaussianProcess.condition_on";
  const features::Dataset matched = detail::matching(data, impl_->encoder, impl_->responses, where);
  auto impl = std::make_unique<Impl>(*impl_);
  for (std::size_t r = 0; r < impl->fitted.size(); ++r) {
    const detail::FittedResponse& one = impl_->fitted[r];
    const bool reduced = !one.process->target().one_level();
    const detail::TrainingData& known = named(one, where);
    const detail::NewReadings added = detail::new_readings(matched, static_cast<Eigen::Index>(r), reduced);
    if (added.count() == 0) continue;
    impl->fitted[r] = changed(one, impl_->model, detail::with_readings(known, added, reduced));
    impl->reports[r] = impl->fitted[r].report;
  }
  return std::shared_ptr<const GaussianProcess>(new GaussianProcess(std::move(impl)));
}

std::shared_ptr<const GaussianProcess> GaussianProcess::forget(const std::vector<std::string>& runs) const {
  constexpr const char* where = "surrogate.GaussianProcess.forget";
  require_known(runs, impl_->fitted, where);
  auto impl = std::make_unique<Impl>(*impl_);
  for (std::size_t r = 0; r < impl->fitted.size(); ++r) {
    const detail::TrainingData& known = named(impl_->fitted[r], where);
    detail::ChangedData change = detail::without_runs(known, runs);
    if (change.removed.empty()) continue;
    require_rest(change.data.u() > 0, impl_->responses[r], where);
    impl->fitted[r] = changed(impl_->fitted[r], impl_->model, std::move(change));
    impl->reports[r] = impl->fitted[r].report;
  }
  return std::shared_ptr<const GaussianProcess>(new GaussianProcess(std::move(impl)));
}

std::vector<Innovations> GaussianProcess::innovations(const features::Dataset& data) const {
  constexpr const char* where = "surrogate.GaussianProcess.innovations";
  const features::Dataset matched = detail::matching(data, impl_->encoder, impl_->responses, where);
  std::vector<Innovations> out(impl_->fitted.size());
  for (std::size_t r = 0; r < out.size(); ++r) {
    const detail::FittedResponse& one = impl_->fitted[r];
    const bool reduced = !one.process->target().one_level();
    const detail::TrainingData& known = named(one, where);
    const detail::NewReadings added = detail::new_readings(matched, static_cast<Eigen::Index>(r), reduced);
    if (added.count() == 0) continue;
    detail::Conditioned::Expected expected = one.process->expected(added, detail::places_of(known, added, reduced));
    const detail::Factorisation factor = detail::factorise(expected.covariance, where);
    Eigen::VectorXd& z = out[r].standardised;
    z = (added.means.mean.array() - known.location) / known.scale - expected.mean.array();
    factor.lower.triangularView<Eigen::Lower>().solveInPlace(z);
    for (const std::int32_t run : added.means.run) out[r].runs.push_back(added.run_ids[static_cast<std::size_t>(run)]);
  }
  return out;
}

std::vector<LeftOut> GaussianProcess::left_out(const std::vector<std::vector<std::string>>& groups) const {
  constexpr const char* where = "surrogate.GaussianProcess.left_out";
  require_once(groups);
  for (const std::vector<std::string>& group : groups) require_known(group, impl_->fitted, where);
  std::vector<LeftOut> out;
  for (std::size_t r = 0; r < impl_->fitted.size(); ++r) {
    const detail::Conditioned& process = *impl_->fitted[r].process;
    const detail::TrainingData& data = named(impl_->fitted[r], where);
    const std::vector<std::vector<Eigen::Index>> rows = rows_of_groups(data, groups);
    require_rest(rows.size() > 1, impl_->responses[r], where);
    const detail::Conditioned::LeftOutMoments moments = process.left_out(rows);
    LeftOut one{.runs = std::vector<std::string>(static_cast<std::size_t>(data.u())), .X = data.X};
    for (std::size_t run = 0; run < data.runs.size(); ++run) {
      for (const Eigen::Index row : data.runs[run]) one.runs[static_cast<std::size_t>(row)] = data.run_ids[run];
    }
    one.observed = data.location + data.scale * data.y.array();
    one.readings = data.weight;
    one.mean = data.location + data.scale * moments.mean.array();
    one.latent_variance = data.scale * data.scale * moments.latent_variance;
    one.variance = data.scale * data.scale * moments.variance;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace luban::surrogate
