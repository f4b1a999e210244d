package alerts

// Groups is every rule, in the order of the files.
func Groups() []Group {
	return countedOnce([]Group{deployment(), queue(), burn(), api(), cache(), decoding(), gpu(), telemetry(), logs()})
}

// Alerts is every alert, in the order of the files.
func Alerts() []Alert { return alertsOf(Groups()) }
