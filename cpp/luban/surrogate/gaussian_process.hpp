#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <luban/surrogate/artefact.hpp>
#include <luban/surrogate/export.hpp>
#include <luban/surrogate/kernel.hpp>
#include <luban/surrogate/surrogate.hpp>

namespace luban::surrogate {

namespace detail {
struct WarmStart;
}

/// How a Gaussian process is fitted. Defaults serve histories nobody has seen yet; presets are named in presets.hpp.
struct GaussianProcessOptions {
  std::string preset = "luban";  ///< covariance and priors by name; presets.hpp lists them
  int starts = 4;                ///< 1 … 64 optimisations, the first from the priors' centres; the best is kept
  int max_iterations = 200;      ///< of each optimisation; at least 1
  bool robust = true;            ///< find gross errors and give them weight 0 before the reduction
  int threads = 0;               ///< over responses and starts; at least 0, 0 = the CPU budget
  /// Per response: hyperparameters of an earlier fit to data of the same structure, the first of the starts; an empty
  /// vector = none. With starts = 1 nothing else is tried, the fast way to refit a design with new values.
  std::vector<Eigen::VectorXd> warm_starts = {};
  /// Covariance and priors as data, presets.hpp has some; `preset` is then their name alone.
  std::optional<ModelSpec> model = {};
  /// Where the dataset knows the variances of its readings: learn a variance between runs beside them.
  bool extra_noise = false;
};

/// What a fit did, for the model card and for people.
struct LUBAN_SURROGATE_EXPORT FitReport {
  /// Of the hyperparameters at the optimum, in nats, up to a constant; after a change of the runs, what they are with
  /// the runs there are then. So are readings, points and runs; the rest stays what the fit found.
  double log_posterior = 0.0;
  double log_likelihood = 0.0;    ///< of all readings (the reduction's factor included), in the response's unit
  int evaluations = 0;            ///< of the log posterior with its gradient, all starts together
  int starts_converged = 0;       ///< tops, of those that might have been the highest, that were climbed to their end
  double jitter = 0.0;            ///< relative jitter that was needed; 0 is the rule
  bool degraded = false;          ///< the covariance had to be repaired beyond the jitter ladder
  Eigen::Index readings = 0;      ///< with weight above 0
  Eigen::Index points = 0;        ///< unique (run, point) means, u
  Eigen::Index runs = 0;          ///< with a usable reading
  Eigen::Index gross_errors = 0;  ///< readings of weight 0 that were not missing
  /// Those of the gross errors that the cell rule could not see and the fit itself found (only in data without
  /// repeats): rows of the dataset, ascending.
  std::vector<std::int64_t> set_aside;
  Eigen::VectorXd hyperparameters;  ///< logarithms, in the order of hyperparameter_names
  std::vector<std::string> hyperparameter_names;
};

/// How new readings of one response stand to what was expected of them.
struct Innovations {
  std::vector<std::string> runs;  ///< (k) of each mean, in the order in which the means are judged
  /// (k) each given the data and those before it, in its own standard deviations: independent standard normal if the
  /// model holds. A constant mean without a prior counts as known from the data before them all.
  Eigen::VectorXd standardised;
};

/// What one response's model says of each mean when a group of runs, its own among them, is left out.
struct LeftOut {
  std::vector<std::string> runs;    ///< (u) the run of each mean
  Eigen::MatrixXd X;                ///< (u, p) coded
  Eigen::VectorXd observed;         ///< (u) the mean of the readings, in the response's unit
  Eigen::VectorXd readings;         ///< (u) their number
  Eigen::VectorXd mean;             ///< (u) predicted
  Eigen::VectorXd latent_variance;  ///< (u) of the expected response
  Eigen::VectorXd variance;         ///< (u) of the mean that was observed, all its noise included
};

/// Functions drawn from the posterior of a Gaussian process, each a function of X that may be asked anywhere, again
/// and again: a path of random features of the prior, moved so that it agrees with the data as the posterior does.
/// Means, variances and covariances over many paths are the posterior's latent ones, but for what the features'
/// number leaves of the prior between the data (its variance is exact, its covariances to a few hundredths).
/// Reference: Wilson et al. 2020 (arXiv 2002.09309), Rahimi and Recht 2007. Const and thread-safe.
class LUBAN_SURROGATE_EXPORT PosteriorPaths {
 public:
  [[nodiscard]] Eigen::Index count() const noexcept;  ///< of paths
  [[nodiscard]] Eigen::Index m() const noexcept;      ///< of responses
  /// (q, count) of one response at X (q, p) coded, in its unit. @throws DataError as posterior; ConfigurationError on
  /// an index out of range.
  [[nodiscard]] Eigen::MatrixXd values(Eigen::Index response, const Eigen::MatrixXd& X) const;
  /// (q, p) derivatives of one path by the coded inputs, 0 for categorical and ordinal ones. @throws as values.
  [[nodiscard]] Eigen::MatrixXd gradient(Eigen::Index response, Eigen::Index path, const Eigen::MatrixXd& X) const;

 private:
  friend class GaussianProcess;
  struct Impl;
  explicit PosteriorPaths(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

/// Exact Gaussian process per response on the reduced readings, with up to three levels of noise: of a run, of one
/// input point within a run, of a reading. Levels that the data cannot tell apart are merged (each run one reading: all
/// noise is between runs). Hyperparameters: maximum a posteriori. Reference: Rasmussen and Williams 2006, chapters 2
/// and 5.
class LUBAN_SURROGATE_EXPORT GaussianProcess final : public Surrogate {
 public:
  /// @throws ConfigurationError on an unknown preset (the nearest is named) or an option out of range; DataError when a
  /// response has no usable reading; NumericalError when no start gives a usable covariance; StoppedError.
  [[nodiscard]] static std::shared_ptr<const GaussianProcess> fit(const features::Dataset& data,
                                                                  const GaussianProcessOptions& options,
                                                                  core::RandomKey key,
                                                                  const core::CallControl& control = {});
  /// The same from the hyperparameters of an earlier surrogate, by name: one climb a response instead of
  /// options.starts, for data that grew or moved a little. What the earlier one did not have begins at the priors.
  /// @throws as fit.
  [[nodiscard]] static std::shared_ptr<const GaussianProcess> fit_from(const GaussianProcess& earlier,
                                                                       const features::Dataset& data,
                                                                       const GaussianProcessOptions& options,
                                                                       core::RandomKey key,
                                                                       const core::CallControl& control = {});
  /// As fit_from, for the same runs with other values of the responses, say the logarithms of the earlier ones: noise
  /// and amplitudes are taken as shares of the responses' spread, whatever their unit. @throws as fit.
  [[nodiscard]] static std::shared_ptr<const GaussianProcess> fit_like(const GaussianProcess& earlier,
                                                                       const features::Dataset& data,
                                                                       const GaussianProcessOptions& options,
                                                                       core::RandomKey key,
                                                                       const core::CallControl& control = {});
  /// (m) the log likelihood of each response of other data where fit_like would begin: what the hyperparameters of this
  /// surrogate say of them, in nats, in the responses' own unit. @throws as fit.
  [[nodiscard]] Eigen::VectorXd log_likelihoods_like(const features::Dataset& data) const;
  ~GaussianProcess() override;
  [[nodiscard]] std::string kind() const override { return "gaussian_process"; }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override;
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override;
  [[nodiscard]] std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X,
                                                     const PosteriorRequest& request = {}) const override;
  [[nodiscard]] Eigen::MatrixXd mean(const Eigen::MatrixXd& X) const override;
  [[nodiscard]] const std::vector<FitReport>& reports() const noexcept;  ///< (m)
  [[nodiscard]] std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request = {}) const override;
  /// What the fitted hyperparameters say about X (q, p) before any data: the model that worlds are drawn from.
  [[nodiscard]] std::unique_ptr<Posterior> prior(const Eigen::MatrixXd& X, const PosteriorRequest& request = {}) const;
  [[nodiscard]] const std::string& preset() const noexcept;
  [[nodiscard]] std::vector<std::string> degraded() const override;
  [[nodiscard]] std::shared_ptr<const Surrogate> only(const std::vector<Eigen::Index>& responses) const override;
  /// Known where each term of the covariance sees a scattering input by one factor at most, rbf with a length of its
  /// own or linear, and neither inputs are warped nor noise changes with them: exp(−d²/2l²) becomes l/√(l² + s²)
  /// exp(−d²/2(l² + s²)), with 2 s² between two scattering points.
  [[nodiscard]] std::shared_ptr<const Surrogate> smoothed(const Eigen::VectorXd& sd) const override;
  [[nodiscard]] std::unique_ptr<const SurrogateBeside> beside(const Eigen::MatrixXd& fixed) const override;
  [[nodiscard]] std::unique_ptr<const SurrogateBeside> average_beside(const Eigen::MatrixXd& fixed,
                                                                      const Eigen::VectorXd& weights) const override;
  /// Estimated noise of a response: standard deviations between runs, between the points of a run beyond what the
  /// model of the inputs says, and of one reading; in its unit, 0 where the data show no such level.
  [[nodiscard]] double between_sd(Eigen::Index response) const;
  [[nodiscard]] double between_points_sd(Eigen::Index response) const;
  [[nodiscard]] double within_sd(Eigen::Index response) const;

  /// The same model with more runs: hyperparameters, standardisation and the levels of noise stay those of the fit, so
  /// that the posterior is what all readings together give at these hyperparameters, in O(n²) for each new mean. A run
  /// of a known name is that run, a reading of a known mean (run and input point) joins it; where the fit saw one
  /// reading a run, each new reading counts as a run of its own. New readings weigh 1: none is set aside, see
  /// innovations. Shares nothing that changes with this surrogate, which stays as it is.
  /// @param data with this surrogate's variables and responses by name; NaN = not measured.
  /// @throws DataError when a variable or category is missing, no response is known, or a value is infinite; UnitError;
  /// LifecycleError when this surrogate came from an artefact that names no runs; NumericalError.
  [[nodiscard]] std::shared_ptr<const GaussianProcess> condition_on(const features::Dataset& data) const;
  /// The same model without some runs, by name, in O(n²) for each mean that goes; what stays, as in condition_on.
  /// @throws DataError when no response knows a name, or a response would lose its last run; LifecycleError as above.
  [[nodiscard]] std::shared_ptr<const GaussianProcess> forget(const std::vector<std::string>& runs) const;
  /// (m) what condition_on(data) would learn that was not expected. Whitened by the Cholesky factor of the joint
  /// predictive covariance of the new means. @throws as condition_on.
  [[nodiscard]] std::vector<Innovations> innovations(const features::Dataset& data) const;
  /// (m) leave-group-out predictions in closed form from the inverse covariance, at the hyperparameters and the
  /// standardisation of the fit, which saw all runs: what forget(group) predicts of the group, for the price of one
  /// product. Reference: Rasmussen and Williams 2006, equations 5.10 to 5.12, in blocks.
  /// @param groups names of runs that are left out together; runs that are named nowhere are left out alone.
  /// @throws ConfigurationError when a run is named twice; DataError when no response knows a name or a group holds all
  /// runs of a response; LifecycleError as above.
  [[nodiscard]] std::vector<LeftOut> left_out(const std::vector<std::vector<std::string>>& groups = {}) const;
  /// `count` functions drawn from the posterior, the first ones the same for any count.
  /// @param features pairs of cosine and sine for each term of the covariance, at least 1.
  /// @throws ConfigurationError on a count or number of features below 1, or where a factor of the covariance has no
  /// expansion in random features.
  [[nodiscard]] PosteriorPaths paths(Eigen::Index count, core::RandomKey key, Eigen::Index features = 1024) const;
  /// Names of the runs that a response has learned from, those of the fit first. @throws LifecycleError as above.
  [[nodiscard]] const std::vector<std::string>& run_ids(Eigen::Index response) const;

  /// Adds tensors and metadata to an artefact under the key "gaussian_process".
  void write(Artefact& artefact) const;
  /// @throws IntegrityError when something is missing or of the wrong shape.
  [[nodiscard]] static std::shared_ptr<const GaussianProcess> read(const Artefact& artefact);

 private:
  struct Impl;
  explicit GaussianProcess(std::unique_ptr<Impl> impl);
  /// Where fits to other data of these responses may begin.
  [[nodiscard]] std::vector<detail::WarmStart> starts_like(const features::Dataset& data, bool same_unit) const;
  static std::shared_ptr<const GaussianProcess> fit_each(const features::Dataset& data,
                                                         const GaussianProcessOptions& options,
                                                         const std::vector<detail::WarmStart>& starts,
                                                         core::RandomKey key, const core::CallControl& control);
  std::unique_ptr<Impl> impl_;
};

/// How a local Gaussian process is fitted.
struct LocalGaussianProcessOptions {
  GaussianProcessOptions process = {};  ///< how hyperparameters are found; warm_starts as there
  Eigen::Index neighbours = 100;        ///< 5 … 500 means that an answer is made from
  Eigen::Index learned_from = 600;  ///< 50 … 5000 means of whole runs, at random, that hyperparameters are found on
};

/// A Gaussian process for more points than an exact one can hold, up to some 10^5 means: hyperparameters from a random
/// part of the runs, each answer from the nearest means alone, nearness being the prior variance of the difference
/// (kriging in moving neighbourhoods; Vecchia 1988, Datta et al. 2016, Gramacy and Apley 2015). Answers of one point
/// are those of an exact process of its neighbours, with a mean of their own where the model's is unknown. Joint
/// covariances are those of the errors of these answers under the whole prior. Where the set of neighbours changes,
/// answers jump a little. Memory grows with the means, time of an answer too (their distances), not with their cube.
class LUBAN_SURROGATE_EXPORT LocalGaussianProcess final : public Surrogate {
 public:
  /// @throws as GaussianProcess::fit; gross errors are found in repeats alone.
  [[nodiscard]] static std::shared_ptr<const LocalGaussianProcess> fit(const features::Dataset& data,
                                                                       const LocalGaussianProcessOptions& options,
                                                                       core::RandomKey key,
                                                                       const core::CallControl& control = {});
  ~LocalGaussianProcess() override;
  [[nodiscard]] std::string kind() const override { return "local_gaussian_process"; }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override;
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override;
  [[nodiscard]] std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X,
                                                     const PosteriorRequest& request = {}) const override;
  /// Of the answers at the levels.
  [[nodiscard]] std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request = {}) const override;
  [[nodiscard]] std::vector<std::string> degraded() const override;
  [[nodiscard]] std::shared_ptr<const Surrogate> only(const std::vector<Eigen::Index>& responses) const override;
  /// (m) of the fits on the parts; points, readings and runs are of everything.
  [[nodiscard]] const std::vector<FitReport>& reports() const noexcept;
  [[nodiscard]] Eigen::Index neighbours() const noexcept;

  /// Adds tensors and metadata to an artefact under the key "local_gaussian_process".
  void write(Artefact& artefact) const;
  /// @throws IntegrityError when something is missing or of the wrong shape.
  [[nodiscard]] static std::shared_ptr<const LocalGaussianProcess> read(const Artefact& artefact);

 private:
  struct Impl;
  explicit LocalGaussianProcess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// How a surrogate is kept up to date.
struct UpdatingOptions {
  GaussianProcessOptions fit = {};
  int look_back = 20;    ///< newest innovations of a response that are judged together; at least 1
  double level = 0.001;  ///< p value below which a refit is due, in (0, 1); low, because every run is a test
  int refit_after = 25;  ///< runs since the last fit after which a refit is due; at least 0, 0 = never for their number
  int window = 0;        ///< newest runs that are kept; 0 = all, else at least 2
};

enum class RefitReason {
  none,         ///< no refit is due
  innovations,  ///< new runs contradict what was expected of them
  noise_level,  ///< readings were repeated, which a model with one level of noise cannot tell from new runs
  runs          ///< so many runs came since the last fit
};

/// Whether the hyperparameters should be fitted again, and why.
struct RefitAdvice {
  bool due = false;
  RefitReason reason = RefitReason::none;
  std::string sentence;   ///< for people
  double p_value = 1.0;   ///< of the innovations, the smallest of the responses times their number
  std::string response;   ///< to which it belongs; empty before the first run
  Eigen::Index runs = 0;  ///< since the last fit
};

/// A Gaussian process with the data it comes from, to which runs are added one after the other; hyperparameters are
/// fitted again only when that is asked for. The last `look_back` innovations of each response since the last fit are
/// judged by two tests, of their squares (χ²: misses wider than expected) and of their sum (a shift to either side);
/// the p value is twice the smaller one's. A value: add, forget and refit leave it as it is and give another one.
class LUBAN_SURROGATE_EXPORT Updating {
 public:
  /// @param surrogate fitted to `data`. @throws ConfigurationError on an option out of range.
  Updating(std::shared_ptr<const GaussianProcess> surrogate, features::Dataset data, UpdatingOptions options,
           core::RandomKey key);
  /// Fits the surrogate, too. @throws as GaussianProcess::fit.
  [[nodiscard]] static Updating fit(const features::Dataset& data, const UpdatingOptions& options, core::RandomKey key,
                                    const core::CallControl& control = {});
  /// With more runs, the oldest ones beyond the window forgotten. @throws as GaussianProcess::condition_on and forget.
  [[nodiscard]] Updating add(const features::Dataset& runs) const;
  /// Without some runs; innovations that were judged stay. @throws as GaussianProcess::forget.
  [[nodiscard]] Updating forget(const std::vector<std::string>& runs) const;
  /// Fitted again to all runs there are, from the last hyperparameters. @throws as GaussianProcess::fit.
  [[nodiscard]] Updating refit(const core::CallControl& control = {}) const;

  [[nodiscard]] const std::shared_ptr<const GaussianProcess>& surrogate() const noexcept { return surrogate_; }
  [[nodiscard]] const features::Dataset& data() const noexcept { return data_; }
  [[nodiscard]] const UpdatingOptions& options() const noexcept { return options_; }
  [[nodiscard]] const RefitAdvice& advice() const noexcept { return advice_; }
  /// (m) those that are judged, oldest first.
  [[nodiscard]] const std::vector<Innovations>& innovations() const noexcept { return innovations_; }

 private:
  void take(const std::vector<Innovations>& fresh);
  void judge();

  std::shared_ptr<const GaussianProcess> surrogate_;
  features::Dataset data_;
  UpdatingOptions options_;
  core::RandomKey key_;
  std::uint64_t refits_ = 0;
  std::vector<Innovations> innovations_;
  std::set<std::string> since_fit_;  ///< names of runs
  bool repeated_ = false;            ///< readings came that one level of noise cannot tell from runs
  RefitAdvice advice_;
};

/// One Gaussian process of several responses that have something in common: the response is the task of an intrinsic
/// coregionalisation (PresetChanges::tasks), each standardised by itself, with its own level and noise. A response with
/// few values borrows from those with many; noise is independent between responses. Time and memory are those of one
/// process of all values together. Reference: Bonilla, Chai and Williams 2008.
class LUBAN_SURROGATE_EXPORT CorrelatedResponses final : public Surrogate {
 public:
  /// @param options a warm start, if any, is that of the one process. @throws as GaussianProcess::fit;
  /// ConfigurationError when there is one response alone.
  [[nodiscard]] static std::shared_ptr<const CorrelatedResponses> fit(const features::Dataset& data,
                                                                      const GaussianProcessOptions& options,
                                                                      core::RandomKey key,
                                                                      const core::CallControl& control = {});
  ~CorrelatedResponses() override;
  [[nodiscard]] std::string kind() const override { return "correlated_responses"; }
  [[nodiscard]] const features::Encoder& encoder() const noexcept override;
  [[nodiscard]] const std::vector<features::ResponseColumn>& responses() const noexcept override;
  [[nodiscard]] std::unique_ptr<Posterior> posterior(const Eigen::MatrixXd& X,
                                                     const PosteriorRequest& request = {}) const override;
  [[nodiscard]] std::unique_ptr<Posterior> average(const Eigen::MatrixXd& X, const Eigen::VectorXd& weights,
                                                   const PosteriorRequest& request = {}) const override;
  [[nodiscard]] std::vector<std::string> degraded() const override;
  [[nodiscard]] std::shared_ptr<const Surrogate> only(const std::vector<Eigen::Index>& responses) const override;
  /// (m, m) correlations of the responses' courses before any data, as learned: 1 on the diagonal, none negative.
  [[nodiscard]] Eigen::MatrixXd correlations() const;
  [[nodiscard]] const FitReport& report() const noexcept;

  /// Adds tensors and metadata to an artefact under "gaussian_process" and "correlated_responses".
  void write(Artefact& artefact) const;
  /// @throws IntegrityError when something is missing or of the wrong shape.
  [[nodiscard]] static std::shared_ptr<const CorrelatedResponses> read(const Artefact& artefact);

 private:
  struct Impl;
  explicit CorrelatedResponses(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace luban::surrogate
