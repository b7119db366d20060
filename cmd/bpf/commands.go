package main

import "github.com/spf13/cobra"

// commands lists the verbs in the order of the help text.
func commands() []*cobra.Command {
	return []*cobra.Command{
		newNewCommand(),
		newRunCommand(),
		newAttachCommand(),
		newDetachCommand(),
		newVerifyCommand(),
		newPlanCommand(),
		newCheckCommand(),
		newObjdumpCommand(),
		newHeadersCommand(),
		newBTFCommand(),
		newVmlinuxCommand(),
		newGenCommand(),
		newVersionCommand(),
	}
}
