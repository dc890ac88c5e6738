/*
 * The peer of `bench model`: Pinocchio's own algorithms, header-only, compiled for this machine (-O3 -march=native), on a
 * collection of joints that has just what an arm needs, which makes its dispatch faster than that of the shipped library.
 *
 * argv[1]: a file of numbers in text: links, gravity (3); per link parent (0 the base), revolute (1) or prismatic (0),
 * rotation (9, row-major) and position in the parent, mass, centre of mass (3), inertia xx yy zz xy xz yz, armature; link,
 * rotation and position of the frame; states, then q v x (links each) per state.
 * stdin: `check` prints every case's values at every state, one line per state; `time CASE CALLS` prints µs of processor
 * time per call, the fastest of the ways that Pinocchio has, states taking turns. Matrices are printed row by row.
 */
#include <time.h>

#include <fstream>
#include <iostream>
#include <pinocchio/algorithm/aba-derivatives.hpp>
#include <pinocchio/algorithm/aba.hpp>
#include <pinocchio/algorithm/frames.hpp>
#include <pinocchio/algorithm/jacobian.hpp>
#include <pinocchio/algorithm/kinematics.hpp>
#include <pinocchio/algorithm/rnea-derivatives.hpp>
#include <pinocchio/algorithm/rnea.hpp>
#include <pinocchio/multibody.hpp>
#include <string>
#include <vector>

namespace pinocchio {
template <typename S, int O>
struct ArmJointsTpl {
  typedef S Scalar;
  static constexpr int Options = O;
  typedef JointModelRevoluteTpl<S, O, 2> JointModelRZ;
  typedef JointDataRevoluteTpl<S, O, 2> JointDataRZ;
  typedef JointModelPrismaticTpl<S, O, 2> JointModelPZ;
  typedef JointDataPrismaticTpl<S, O, 2> JointDataPZ;
  /* Templates of Pinocchio name these two. */
  typedef JointModelCompositeTpl<S, O, ArmJointsTpl> JointModelComposite;
  typedef JointDataCompositeTpl<S, O, ArmJointsTpl> JointDataComposite;
  typedef JointModelMimicTpl<S, O, ArmJointsTpl> JointModelMimic;
  typedef JointDataMimicTpl<S, O, ArmJointsTpl> JointDataMimic;
  typedef boost::variant<JointModelRZ, JointModelPZ, boost::recursive_wrapper<JointModelComposite>,
                         boost::recursive_wrapper<JointModelMimic>>
      JointModelVariant;
  typedef boost::variant<JointDataRZ, JointDataPZ, boost::recursive_wrapper<JointDataComposite>,
                         boost::recursive_wrapper<JointDataMimic>>
      JointDataVariant;
};
}  // namespace pinocchio

using namespace pinocchio;
typedef ArmJointsTpl<double, 0> Joints;
typedef ModelTpl<double, 0, ArmJointsTpl> ArmModel;
typedef DataTpl<double, 0, ArmJointsTpl> ArmData;
typedef Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic> Matrix;

static double now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return 1e6 * t.tv_sec + 1e-3 * t.tv_nsec;
}

static SE3 placement(std::istream& in) {
  Eigen::Matrix3d R;
  Eigen::Vector3d p;
  for (int i = 0; i < 9; i++) in >> R(i / 3, i % 3);
  for (int i = 0; i < 3; i++) in >> p[i];
  return SE3(R, p);
}

static volatile double sink;

template <typename Body>
static double perCall(int states, long calls, Body body) {
  double start = now();
  for (long i = 0; i < calls; i++) body(int(i % states));
  return (now() - start) / calls;
}

int main(int, char** argv) {
  std::ifstream in(argv[1]);
  int n, states;
  ArmModel model;
  in >> n;
  Eigen::Vector3d g;
  in >> g[0] >> g[1] >> g[2];
  model.gravity.linear(g);
  std::vector<double> armature;
  for (int i = 0; i < n; i++) {
    int parent, revolute;
    in >> parent >> revolute;
    SE3 at = placement(in);
    double m, xx, yy, zz, xy, xz, yz, a;
    Eigen::Vector3d com;
    in >> m >> com[0] >> com[1] >> com[2] >> xx >> yy >> zz >> xy >> xz >> yz >> a;
    Eigen::Matrix3d I;
    I << xx, xy, xz, xy, yy, yz, xz, yz, zz;
    std::string name = "joint" + std::to_string(i);
    JointIndex j = revolute ? model.addJoint(parent, Joints::JointModelRZ(), at, name)
                            : model.addJoint(parent, Joints::JointModelPZ(), at, name);
    model.appendBodyToJoint(j, Inertia(m, com, I), SE3::Identity());
    armature.push_back(a);
  }
  for (int i = 0; i < n; i++) model.armature[i] = armature[i];
  int link;
  in >> link;
  SE3 local = placement(in);
  FrameIndex tool = model.addFrame(Frame("tool", link, 0, local, OP_FRAME));
  in >> states;
  std::vector<Eigen::VectorXd> q(states, Eigen::VectorXd(n)), v = q, x = q;
  for (int s = 0; s < states; s++) {
    for (auto* z : {&q[s], &v[s], &x[s]})
      for (int i = 0; i < n; i++) in >> (*z)[i];
  }

  ArmData data(model);
  Matrix J(6, n), dq(n, n), dv(n, n), da(n, n);
  J.setZero();
  dq.setZero();
  dv.setZero();
  da.setZero();
  auto pose = [&](int s) {
    forwardKinematics(model, data, q[s]);
    updateFramePlacement(model, data, tool);
    sink = data.oMf[tool].translation()[0];
  };
  auto jacobian = [&](int s) {
    computeFrameJacobian(model, data, q[s], tool, LOCAL_WORLD_ALIGNED, J);
    sink = J(0, 0);
  };
  auto jacobians = [&](int s) {
    computeJointJacobians(model, data, q[s]);
    updateFramePlacement(model, data, tool);
    getFrameJacobian(model, data, tool, LOCAL_WORLD_ALIGNED, J);
    sink = J(0, 0);
  };
  auto inverse = [&](int s) { sink = rnea(model, data, q[s], v[s], x[s])[0]; };
  auto local_aba = [&](int s) { sink = aba(model, data, q[s], v[s], x[s], Convention::LOCAL)[0]; };
  auto world_aba = [&](int s) { sink = aba(model, data, q[s], v[s], x[s], Convention::WORLD)[0]; };
  auto inverseDerivatives = [&](int s) {
    computeRNEADerivatives(model, data, q[s], v[s], x[s], dq, dv, da);
    sink = dq(0, 0);
  };
  auto forwardDerivatives = [&](int s) {
    computeABADerivatives(model, data, q[s], v[s], x[s]);
    sink = data.ddq_dq(0, 0);
  };

  auto print = [](const auto& m) {
    for (int r = 0; r < m.rows(); r++)
      for (int c = 0; c < m.cols(); c++) std::cout << m(r, c) << ' ';
  };
  std::cout.precision(17);
  std::string word;
  while (std::cin >> word) {
    if (word == "check") {
      for (int s = 0; s < states; s++) {
        pose(s);
        Eigen::Vector3d p = data.oMf[tool].translation();
        Eigen::Matrix3d R = data.oMf[tool].rotation();
        print(p);
        print(R);
        jacobian(s);
        print(J);
        inverse(s);
        print(data.tau);
        local_aba(s);
        print(data.ddq);
        inverseDerivatives(s);
        print(dq);
        print(dv);
        forwardDerivatives(s);
        print(data.ddq_dq);
        print(data.ddq_dv);
        data.Minv.triangularView<Eigen::StrictlyLower>() = data.Minv.transpose();
        print(data.Minv);
        std::cout << '\n';
      }
      std::cout << std::flush;
      continue;
    }
    std::string what;
    long calls;
    std::cin >> what >> calls;
    auto best = [&](auto... bodies) {
      double least = 1e300;
      ((least = std::min(least, perCall(states, calls, bodies))), ...);
      return least;
    };
    double us = -1;
    if (what == "pose") us = best(pose);
    if (what == "jacobian") us = best(jacobian, jacobians);
    if (what == "rnea") us = best(inverse);
    if (what == "forward") us = best(local_aba, world_aba);
    if (what == "rneaDerivatives") us = best(inverseDerivatives);
    if (what == "forwardDerivatives") us = best(forwardDerivatives);
    std::cout << us << std::endl;
  }
}
