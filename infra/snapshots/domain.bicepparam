using '../main.bicep'

param environmentName = 'production'
param location = 'westeurope'
param principalId = '00000000-0000-0000-0000-000000000001'
param customDomain = 'fleet.example.org'
param clientAuthorities = 'LS0tLS1CRUdJTg=='
param alarmEmail = 'duty@example.org'
