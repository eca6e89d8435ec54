using '../main.bicep'

param environmentName = 'production'
param location = 'westeurope'
param principalId = '00000000-0000-0000-0000-000000000001'
param separateManager = true
param managerClientId = '00000000-0000-0000-0000-000000000002'
