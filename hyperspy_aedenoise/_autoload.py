"""The place that HyperSpy looks for while it starts.

HyperSpy calls ``importlib.util.find_spec`` on the name of each
``hyperspy.extensions`` entry point. For a dotted name Python must import the
package in front of the dot, and that puts the methods on ``EELSSpectrum``.
This module itself is never imported.
"""
